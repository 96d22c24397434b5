/** The page that shows what lies in the storages, and takes files. */
import { browsedSourceUrl } from '../../kernel/stored-source.ts'
import { formatBytes } from '../components/format.ts'
import { Icon } from '../components/icons.tsx'
import { PageHeading, Panel } from '../components/panels.tsx'
import { Time } from '../components/time.tsx'
import { UploadField, UploadForm } from '../components/upload-field.tsx'
import type { Folder, FolderEntry } from '../folder.ts'

/** Everything that the page shows. */
export interface FilesView {
  readonly folder: Folder
  readonly search: string
  readonly showHidden: boolean
  readonly csrfToken: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What a browser without scripts has just uploaded; empty otherwise. */
  readonly uploaded: string
}

/** The whole page. */
export function FilesPage({ view }: { view: FilesView }) {
  const { folder, uploaded, csrfToken } = view
  return (
    <>
      <PageHeading
        title='Files'
        description='Videos and audio that jobs can take.'
      />
      <div class='grid grid-cols-1 items-start gap-5 lg:grid-cols-[minmax(0,1fr)_20rem]'>
        <Panel title={folder.path ?? 'Storages'} flush>
          {folder.path !== undefined && <Search view={view} />}
          <FolderTable folder={folder} now={view.now} />
        </Panel>
        <Panel title='Upload' description='It goes on by itself after a broken connection.'>
          <UploadForm csrfToken={csrfToken} next='files' />
          <UploadField source={uploaded} />
          <a
            class='btn mt-3 w-full'
            data-uploaded
            hidden={uploaded === ''}
            href={`/jobs/new?${new URLSearchParams({ kind: 'upload', source_upload: uploaded })}`}
          >
            Create a job with it
          </a>
        </Panel>
      </div>
    </>
  )
}

function Search({ view: { folder, search, showHidden } }: { view: FilesView }) {
  return (
    <form method='get' action='/files' class='flex flex-wrap items-center gap-3 px-5'>
      <input type='hidden' name='plugin' value={folder.pluginId} />
      <input type='hidden' name='path' value={folder.path} />
      <input
        type='search'
        name='search'
        class='input max-w-64'
        value={search}
        placeholder='Name'
        aria-label='Name'
        maxlength={200}
      />
      <label class='flex items-center gap-2'>
        <input type='checkbox' class='input' name='show_hidden' value='true' checked={showHidden} />
        Hidden ones too
      </label>
      <button type='submit' class='btn' data-variant='outline' data-size='sm'>Search</button>
    </form>
  )
}

function FolderTable({ folder, now }: { folder: Folder; now: number }) {
  return (
    <div class='overflow-x-auto'>
      <table class='table' id='files'>
        <thead>
          <tr>
            <th>Name</th>
            <th class='text-end'>Size</th>
            <th class='hidden sm:table-cell'>Changed</th>
            <th>
              <span class='sr-only'>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {folder.path !== undefined && (
            <tr>
              <td colspan={4}>
                <FolderLink pluginId={folder.pluginId} path={folder.parentPath ?? ''} name='Up' />
              </td>
            </tr>
          )}
          {folder.entries.map((entry) => (
            <EntryRow entry={entry} folderPath={folder.path} now={now} />
          ))}
          {folder.entries.length === 0 && (
            <tr>
              <td colspan={4} class='py-6 text-center whitespace-normal text-muted-foreground'>
                {folder.path === undefined
                  ? 'No storage can be browsed. An administrator can allow folders in the configuration.'
                  : 'No video or audio files here.'}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  )
}

function EntryRow(
  { entry, folderPath, now }: {
    entry: FolderEntry
    /** Absent for a root. */
    folderPath: string | undefined
    now: number
  },
) {
  const source = browsedSourceUrl(entry.pluginId, entry.path)
  return (
    <tr>
      <td class='w-full max-w-0'>
        {entry.isDirectory
          ? (
            <FolderLink
              pluginId={entry.pluginId}
              path={entry.path}
              name={entry.name}
              place={folderPath === undefined ? entry.path : undefined}
            />
          )
          : (
            <span class='flex items-center gap-2.5'>
              <Icon
                name={entry.isAudio ? 'audio-lines' : 'file-play'}
                class='size-4 shrink-0 text-muted-foreground'
              />
              <span class='truncate'>{entry.name}</span>
            </span>
          )}
      </td>
      <td class='text-end whitespace-nowrap tabular-nums'>
        {entry.isDirectory ? '' : formatBytes(entry.size)}
      </td>
      <td class='hidden whitespace-nowrap sm:table-cell'>
        {entry.modTime > 0 &&
          <Time at={new Date(entry.modTime * 1000).toISOString()} now={now} />}
      </td>
      <td class='text-end'>
        {!entry.isDirectory && (
          <a
            class='btn'
            data-variant='outline'
            data-size='xs'
            href={`/jobs/new?${new URLSearchParams({ kind: 'path', source_path: source })}`}
            aria-label={`Encode ${entry.name}`}
          >
            Encode
          </a>
        )}
      </td>
    </tr>
  )
}

function FolderLink(
  { pluginId, path, name, place }: {
    pluginId: string | undefined
    path: string
    name: string
    /** Where a root is: two may have the same name. */
    place?: string | undefined
  },
) {
  const query = new URLSearchParams(
    path === '' ? {} : { ...(pluginId !== undefined && { plugin: pluginId }), path },
  )
  return (
    <a href={`/files?${query}`} class='flex items-center gap-2.5 hover:underline'>
      <Icon name={name === 'Up' ? 'corner-left-up' : 'folder'} class='size-4 shrink-0 text-brand' />
      <span class='truncate'>{name}</span>
      {place !== undefined && place !== name && (
        <span class='truncate font-mono text-xs text-muted-foreground'>{place}</span>
      )}
    </a>
  )
}
