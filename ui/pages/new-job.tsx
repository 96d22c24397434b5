/** The page that makes a job: source, profile, and for who wants them the settings behind it. */
import {
  audioCodecs,
  containers,
  type Profile,
  videoCodecs,
} from '../../kernel/contract/profile.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { FileBrowser, type Folder } from '../components/file-browser.tsx'
import { CsrfToken, SelectField, TextField } from '../components/forms.tsx'
import { nameOfSource } from '../components/format.ts'
import { Icon, type IconName } from '../components/icons.tsx'
import { PageHeading } from '../components/panels.tsx'
import { containerNames, nameOfVideoCodec, profileSummary } from '../components/profile-words.ts'
import type { FieldErrors, NewJobForm, SourceKind } from './new-job-form.ts'

/** Everything that the page shows. */
export interface NewJobView {
  readonly form: NewJobForm
  readonly errors: FieldErrors
  readonly profiles: readonly Profile[]
  readonly folder: Folder
  readonly csrfToken: string
}

/** Reads a folder, or the roots for ''. @throws WE-STO-001, WE-STO-002 */
export async function loadFolder(
  storage: Pick<StorageProvider, 'browse' | 'browseRoots'>,
  path: string,
): Promise<Folder> {
  if (path === '') return { entries: await storage.browseRoots() }
  const found = await storage.browse({ path, mediaOnly: true })
  return {
    path: found.currentPath,
    ...(found.parentPath !== '' && { parentPath: found.parentPath }),
    entries: found.entries,
  }
}

/** The whole page. */
export function NewJobPage({ view }: { view: NewJobView }) {
  const { form, errors, csrfToken } = view
  return (
    <>
      <PageHeading
        title='New job'
        description='One source, one profile, one verified file.'
      />
      {Object.keys(errors).length > 0 && (
        <div class='mb-5 rounded-lg bg-danger/10 px-4 py-3 text-danger-text' role='alert'>
          The job was not created. Please look at what is marked below.
        </div>
      )}
      {/* Without scripts this form sends the file by itself; its input is far below. */}
      <form
        id='upload'
        method='post'
        action='/jobs/new/upload'
        data-upload-url='/v1/files/upload'
        enctype='multipart/form-data'
        hidden
      >
        <CsrfToken token={csrfToken} />
      </form>
      <form
        id='new-job'
        method='post'
        action='/jobs/new'
        class='grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_18rem]'
      >
        <CsrfToken token={csrfToken} />
        <input type='hidden' name='key' value={form.key} />
        <div class='flex min-w-0 flex-col gap-5'>
          <SourceCard view={view} />
          <ProfileCard view={view} />
          <AdvancedCard view={view} />
        </div>
        <aside class='card lg:sticky lg:top-8'>
          <section class='flex flex-col gap-4'>
            <TextField
              name='priority'
              label='Priority'
              type='number'
              min='-100'
              max='100'
              value={form.priority || '0'}
              hint='100 goes first, -100 last.'
              error={errors.priority}
            />
            <button type='submit' class='btn w-full' data-size='lg'>Create job</button>
            <p class='text-xs text-muted-foreground' id='create-note' aria-live='polite'>
              You can follow it chunk by chunk on the next page.
            </p>
          </section>
        </aside>
      </form>
    </>
  )
}

const sourceTabs: readonly (readonly [SourceKind, string, IconName])[] = [
  ['upload', 'Upload', 'cloud-upload'],
  ['url', 'From a URL', 'link'],
  ['path', 'On this server', 'folder-open'],
]

function SourceCard({ view }: { view: NewJobView }) {
  const { form, errors, folder } = view
  return (
    <fieldset class='card group/source' aria-label='Source'>
      <header>
        <h2>Source</h2>
      </header>
      <section class='flex flex-col gap-4'>
        <div class='grid grid-cols-3 gap-1 rounded-lg bg-muted p-1'>
          {sourceTabs.map(([kind, label, icon]) => (
            <label class='flex h-9 cursor-pointer items-center justify-center gap-2 rounded-md font-medium text-muted-foreground has-checked:bg-card has-checked:text-foreground has-checked:shadow-xs has-focus-visible:outline-2 has-focus-visible:outline-ring'>
              <input
                type='radio'
                class='sr-only'
                name='kind'
                value={kind}
                checked={form.kind === kind}
              />
              <Icon name={icon} class='size-4 max-sm:hidden' />
              {label}
            </label>
          ))}
        </div>
        <div class='hidden group-has-[[value=upload]:checked]/source:block'>
          <UploadField form={form} error={errors.source_upload} />
        </div>
        <div class='hidden group-has-[[value=url]:checked]/source:block'>
          <TextField
            name='source_url'
            label='Address of the video'
            value={form.source_url}
            placeholder='https://example.com/video.mp4'
            hint='http or https. Workers read it by byte ranges, so it is not copied first.'
            error={errors.source_url}
          />
        </div>
        <div class='hidden flex-col gap-1.5 group-has-[[value=path]:checked]/source:flex'>
          <FileBrowser folder={folder} chosen={form.source_path} />
          {errors.source_path && (
            <p role='alert' class='text-xs text-danger-text'>{errors.source_path}</p>
          )}
        </div>
      </section>
    </fieldset>
  )
}

function UploadField({ form, error }: { form: NewJobForm; error: string | undefined }) {
  const isUploaded = form.source_upload !== ''
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
      <input type='hidden' name='source_upload' value={form.source_upload} />
      <div
        data-upload-state
        hidden={!isUploaded}
        class='flex flex-col gap-2 rounded-lg bg-muted px-4 py-3'
      >
        <div class='flex items-center justify-between gap-4'>
          <span class='min-w-0 truncate font-medium' data-upload-name>
            {isUploaded ? nameOfSource(form.source_upload) : ''}
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

function ProfileCard({ view }: { view: NewJobView }) {
  const { profiles, form, errors } = view
  const chosen = form.profile || profiles[0]?.name
  return (
    <fieldset class='card' aria-label='Profile'>
      <header>
        <h2>Profile</h2>
      </header>
      <section class='flex flex-col gap-3'>
        <div class='grid gap-3 sm:grid-cols-2'>
          {profiles.map((profile) => (
            <label class='choice'>
              <input
                type='radio'
                class='absolute opacity-0'
                name='profile'
                value={profile.name}
                checked={profile.name === chosen}
              />
              <span class='font-semibold'>{profile.name}</span>
              <span>{profile.description}</span>
              <span class='mt-auto pt-1 text-xs text-muted-foreground'>
                {profileSummary(profile)}
              </span>
            </label>
          ))}
        </div>
        {errors.profile && <p role='alert' class='text-xs text-danger-text'>{errors.profile}</p>}
      </section>
    </fieldset>
  )
}

const asProfile = ['', 'as the profile'] as const
const advancedFields = [
  'container',
  'codec',
  'preset',
  'crf',
  'maxrate_kbps',
  'width',
  'height',
  'audio_codec',
  'audio_kbps',
  'channels',
  'chunk_seconds',
] as const

function AdvancedCard({ view }: { view: NewJobView }) {
  const { form, errors } = view
  const isOpen = advancedFields.some((name) => form[name] !== '' || errors[name] !== undefined)
  const number = (
    name: (typeof advancedFields)[number],
    label: string,
    range: { min?: string; max?: string; step?: string; hint?: string } = {},
  ) => (
    <TextField
      name={name}
      label={label}
      type='number'
      value={form[name]}
      error={errors[name]}
      placeholder={asProfile[1]}
      {...range}
    />
  )
  return (
    <details class='card gap-0 py-0' open={isOpen}>
      <summary class='flex items-center justify-between px-5 py-4 font-semibold'>
        Change settings of the profile
        <span class='text-xs font-normal text-muted-foreground'>optional</span>
      </summary>
      <div class='grid gap-4 px-5 pb-5 sm:grid-cols-2 md:grid-cols-3'>
        <SelectField
          name='codec'
          label='Video codec'
          value={form.codec}
          error={errors.codec}
          options={[
            asProfile,
            ...videoCodecs.map((codec) => [codec, nameOfVideoCodec(codec)] as const),
          ]}
        />
        <TextField
          name='preset'
          label='Encoder preset'
          value={form.preset}
          error={errors.preset}
          placeholder={asProfile[1]}
        />
        <SelectField
          name='container'
          label='Container'
          value={form.container}
          error={errors.container}
          options={[asProfile, ...containers.map((name) => [name, containerNames[name]] as const)]}
        />
        {number('crf', 'Quality (CRF)', {
          min: '0',
          max: '63',
          step: 'any',
          hint: 'Lower is better.',
        })}
        {number('maxrate_kbps', 'Highest bit rate, kb/s', { min: '50', max: '400000' })}
        {number('chunk_seconds', 'Chunk length, s', { min: '6', max: '120', step: 'any' })}
        {number('width', 'Width, px', { min: '16', max: '8192', step: '2' })}
        {number('height', 'Height, px', { min: '16', max: '8192', step: '2' })}
        <SelectField
          name='audio_codec'
          label='Audio codec'
          value={form.audio_codec}
          error={errors.audio_codec}
          options={[asProfile, ...audioCodecs.map((codec) => [codec, codec] as const)]}
        />
        {number('audio_kbps', 'Audio bit rate, kb/s', { min: '16', max: '1024' })}
        {number('channels', 'Audio channels', { min: '1', max: '8' })}
      </div>
    </details>
  )
}
