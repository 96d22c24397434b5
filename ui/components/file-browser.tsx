/** The files of the storages, folder by folder. */
import { browsedSourceUrl } from '../../kernel/stored-source.ts'
import type { Folder, FolderEntry } from '../folder.ts'
import type { Child } from 'hono/jsx'
import { formatBytes, nameOfSource } from './format.ts'
import { Icon, type IconName } from './icons.tsx'

/** Folders are links, files are choices of the field `source_path`. */
export function FileBrowser({ folder, chosen }: { folder: Folder; chosen: string }) {
  return (
    <div id='files' class='overflow-hidden rounded-lg border border-border'>
      <div class='flex items-center gap-2 border-b border-border bg-muted/50 px-3 py-2 text-xs text-muted-foreground'>
        <Icon name='hard-drive' class='size-3.5' />
        <span class='truncate font-mono'>{folder.path ?? 'Storages'}</span>
      </div>
      <ul class='max-h-72 overflow-y-auto py-1'>
        {isElsewhere(folder, chosen) && (
          <li>
            <Choice url={chosen} isChosen icon='file-play'>
              <span class='min-w-0 flex-1 truncate'>{nameOfSource(chosen)}</span>
            </Choice>
          </li>
        )}
        {folder.path !== undefined && (
          <li>
            <FolderLink
              pluginId={folder.pluginId}
              path={folder.parentPath ?? ''}
              name='Up'
              icon='corner-left-up'
            />
          </li>
        )}
        {folder.entries.map((entry) => (
          <li>
            {entry.isDirectory
              ? (
                <FolderLink
                  {...entry}
                  icon='folder'
                  place={folder.path === undefined ? entry.path : undefined}
                />
              )
              : <FileChoice entry={entry} chosen={chosen} />}
          </li>
        ))}
        {folder.entries.length === 0 && (
          <li class='px-3 py-6 text-center whitespace-normal text-muted-foreground'>
            {folder.path === undefined
              ? 'No folder of this server is open to jobs. An administrator can allow some in the configuration.'
              : 'No video or audio files here.'}
          </li>
        )}
      </ul>
    </div>
  )
}

const rowClass = 'flex h-9 cursor-pointer items-center gap-2.5 px-3 hover:bg-muted'

function FolderLink(
  { pluginId, path, name, place, icon }: {
    pluginId: string | undefined
    path: string
    name: string
    /** Where a root is: two may have the same name. */
    place?: string | undefined
    icon: 'folder' | 'corner-left-up'
  },
) {
  const query = new URLSearchParams({
    kind: 'path',
    folder: path,
    ...(pluginId !== undefined && { plugin: pluginId }),
  }).toString()
  return (
    <a
      href={`/jobs/new?${query}`}
      hx-get={`/jobs/new/files?${query}`}
      hx-target='#files'
      hx-swap='outerHTML'
      class={rowClass}
    >
      <Icon name={icon} class='size-4 text-brand' />
      <span class='truncate'>{name}</span>
      {place !== undefined && place !== name && (
        <span class='truncate font-mono text-xs text-muted-foreground'>{place}</span>
      )}
    </a>
  )
}

/** A file that was chosen in another folder stays a choice. */
function isElsewhere({ entries }: Folder, chosen: string): boolean {
  if (chosen === '') return false
  return entries.every(({ pluginId, path }) => browsedSourceUrl(pluginId, path) !== chosen)
}

function FileChoice({ entry, chosen }: { entry: FolderEntry; chosen: string }) {
  const url = browsedSourceUrl(entry.pluginId, entry.path)
  return (
    <Choice
      url={url}
      isChosen={url === chosen}
      icon={entry.isAudio ? 'audio-lines' : 'file-play'}
    >
      <span class='min-w-0 flex-1 truncate'>{entry.name}</span>
      <span class='text-xs text-muted-foreground tabular-nums'>{formatBytes(entry.size)}</span>
    </Choice>
  )
}

function Choice(
  { url, isChosen, icon, children }: {
    url: string
    isChosen: boolean
    icon: IconName
    children: Child
  },
) {
  return (
    <label class={`${rowClass} has-checked:bg-accent has-checked:text-accent-foreground`}>
      <input
        type='radio'
        class='accent-primary'
        name='source_path'
        value={url}
        checked={isChosen}
      />
      <Icon name={icon} class='size-4 text-muted-foreground' />
      {children}
    </label>
  )
}
