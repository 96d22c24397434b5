/** The field that takes a file: with scripts it goes up while the page is used, without them by a form of its own. */
import { CsrfToken } from './forms.tsx'
import { nameOfSource } from './format.ts'
import { Icon } from './icons.tsx'

/** The form of the file; its input is in {@link UploadField}. @param next - where a browser without scripts is led after */
export function UploadForm({ csrfToken, next }: { csrfToken: string; next: 'job' | 'files' }) {
  return (
    <form
      id='upload'
      method='post'
      action={next === 'job' ? '/jobs/new/upload' : '/files/upload'}
      data-upload-url='/v1/files/tus'
      enctype='multipart/form-data'
      hidden
    >
      <CsrfToken token={csrfToken} />
    </form>
  )
}

/** The drop zone and the state of the upload. @param source - what was uploaded before; empty when nothing was */
export function UploadField({ source, error }: { source: string; error?: string | undefined }) {
  const isUploaded = source !== ''
  return (
    <div class='flex flex-col gap-3'>
      <div class='drop' data-drop>
        <Icon name='cloud-upload' class='size-8 text-brand' />
        <label for='file' class='font-medium'>
          <span class='link cursor-pointer'>Choose a file</span>
          <span data-scripts-only hidden>{' or drop it here'}</span>
        </label>
        <input
          id='file'
          form='upload'
          type='file'
          name='file'
          accept='video/*,audio/*,.mkv,.ts,.m2ts,.mts,.flv,.mxf'
          class='text-xs text-muted-foreground'
          aria-invalid={error === undefined ? undefined : 'true'}
          aria-describedby={error === undefined ? undefined : 'source_upload-error'}
        />
        <button
          type='submit'
          form='upload'
          class='btn'
          data-variant='outline'
          data-size='sm'
          data-no-scripts
        >
          Upload
        </button>
      </div>
      <input type='hidden' name='source_upload' value={source} />
      <div
        data-upload-state
        hidden={!isUploaded}
        class='flex flex-col gap-2 rounded-lg bg-muted px-4 py-3'
      >
        <div class='flex items-center justify-between gap-4'>
          <span class='min-w-0 truncate font-medium' data-upload-name>
            {isUploaded ? nameOfSource(source) : ''}
          </span>
          <button
            type='button'
            class='btn'
            data-variant='ghost'
            data-size='xs'
            data-upload-cancel
            hidden
          >
            Cancel
          </button>
        </div>
        <progress
          class='bar'
          data-upload-bar
          data-tone={isUploaded ? 'success' : 'active'}
          max='100'
          value={isUploaded ? '100' : '0'}
          aria-label='Upload'
        />
        <span
          class='text-xs text-muted-foreground tabular-nums'
          data-upload-note
          aria-live='polite'
        >
          {isUploaded ? 'Uploaded' : ''}
        </span>
      </div>
      {error && (
        <p id='source_upload-error' role='alert' class='text-xs text-danger-text'>{error}</p>
      )}
    </div>
  )
}
