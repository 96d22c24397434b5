/** The files below the allowed roots of the server, folder by folder. */
import { pathToFileURL } from 'node:url'
import type { BrowseEntry } from '../../kernel/contract/storage.ts'
import { formatBytes } from './format.ts'
import { Icon } from './icons.tsx'

/** One folder, or the list of roots. */
export interface Folder {
  /** Absent for the list of roots. */
  readonly path?: string
  /** Absent in a root. */
  readonly parentPath?: string
  readonly entries: readonly BrowseEntry[]
}

/** Folders are links, files are choices of the field `source_path`. */
export function FileBrowser({ folder, chosen }: { folder: Folder; chosen: string }) {
  return (
    <div id='files' class='overflow-hidden rounded-lg border border-border'>
      <div class='flex items-center gap-2 border-b border-border bg-muted/50 px-3 py-2 text-xs text-muted-foreground'>
        <Icon name='hard-drive' class='size-3.5' />
        <span class='truncate font-mono'>{folder.path ?? 'Allowed folders'}</span>
      </div>
      <ul class='max-h-72 overflow-y-auto py-1'>
        {folder.path !== undefined && (
          <li>
            <FolderLink path={folder.parentPath ?? ''} name='Up' icon='corner-left-up' />
          </li>
        )}
        {folder.entries.map((entry) => (
          <li>
            {entry.isDirectory
              ? <FolderLink path={entry.path} name={entry.name} icon='folder' />
              : <FileChoice entry={entry} chosen={chosen} />}
          </li>
        ))}
        {folder.entries.length === 0 && (
          <li class='px-3 py-6 text-center text-muted-foreground'>
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
  { path, name, icon }: { path: string; name: string; icon: 'folder' | 'corner-left-up' },
) {
  const query = new URLSearchParams({ kind: 'path', folder: path }).toString()
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
    </a>
  )
}

function FileChoice({ entry, chosen }: { entry: BrowseEntry; chosen: string }) {
  const url = pathToFileURL(entry.path).href
  return (
    <label class={`${rowClass} has-checked:bg-accent has-checked:text-accent-foreground`}>
      <input
        type='radio'
        class='accent-primary'
        name='source_path'
        value={url}
        checked={url === chosen}
      />
      <Icon
        name={entry.isAudio ? 'audio-lines' : 'file-play'}
        class='size-4 text-muted-foreground'
      />
      <span class='min-w-0 flex-1 truncate'>{entry.name}</span>
      <span class='text-xs text-muted-foreground tabular-nums'>{formatBytes(entry.size)}</span>
    </label>
  )
}
