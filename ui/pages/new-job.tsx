/** The page that makes a job: source, profile, and for who wants them the settings behind it. */
import {
  audioCodecs,
  containers,
  type Profile,
  videoCodecs,
} from '../../kernel/contract/profile.ts'
import { FileBrowser } from '../components/file-browser.tsx'
import { CsrfToken, SelectField, TextField } from '../components/forms.tsx'
import { Icon, type IconName, SummaryMark } from '../components/icons.tsx'
import { PageHeading } from '../components/panels.tsx'
import { UploadField, UploadForm } from '../components/upload-field.tsx'
import {
  containerNames,
  nameOfVideoCodec,
  profileSummary,
  profileTitle,
} from '../components/profile-words.ts'
import type { Folder } from '../folder.ts'
import type { FieldErrors, NewJobForm, SourceKind } from './new-job-form.ts'

/** Everything that the page shows. */
export interface NewJobView {
  readonly form: NewJobForm
  readonly errors: FieldErrors
  readonly profiles: readonly Profile[]
  readonly folder: Folder
  readonly csrfToken: string
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
      <UploadForm csrfToken={csrfToken} next='job' />
      <form
        id='new-job'
        method='post'
        action='/jobs/new'
        class='flex min-w-0 flex-col gap-5'
      >
        <CsrfToken token={csrfToken} />
        <input type='hidden' name='key' value={form.key} />
        <SourceCard view={view} />
        <ProfileCard view={view} />
        <AdvancedCard view={view} />
        <div class='action-bar'>
          <p
            class='min-w-0 flex-1 text-xs text-muted-foreground sm:text-end'
            id='create-note'
            aria-live='polite'
          />
          <button type='submit' class='btn min-w-36' data-size='lg'>Create job</button>
        </div>
      </form>
    </>
  )
}

const sourceTabs: readonly (readonly [SourceKind, string, IconName])[] = [
  ['upload', 'Upload', 'cloud-upload'],
  ['url', 'Web address', 'link'],
  ['path', 'Storage', 'folder-open'],
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
          <UploadField source={form.source_upload} error={errors.source_upload} />
        </div>
        <div class='hidden group-has-[[value=url]:checked]/source:block'>
          <TextField
            name='source_url'
            label='Address of the video'
            value={form.source_url}
            placeholder='https://example.com/video.mp4'
            hint='http or https. It is read where it is, and not copied first.'
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

function ProfileCard({ view }: { view: NewJobView }) {
  const { profiles, form, errors } = view
  const chosen = form.profile || profiles[0]?.name
  return (
    <fieldset class='card' aria-label='Profile'>
      <header>
        <h2>Profile</h2>
      </header>
      <section class='flex flex-col gap-3'>
        <div class='grid gap-2 sm:grid-cols-2 sm:gap-3 xl:grid-cols-3'>
          {profiles.map((profile) => (
            <label class='choice'>
              <input
                type='radio'
                class='absolute opacity-0'
                name='profile'
                value={profile.name}
                checked={profile.name === chosen}
              />
              <span class='font-medium'>{profileTitle(profile)}</span>
              <span class='mt-auto text-xs text-muted-foreground'>
                <span class='font-mono'>{profile.name}</span> · {profileSummary(profile)}
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
  'priority',
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
  const isOpen = advancedFields.some((name) => {
    const isDefault = form[name] === '' || (name === 'priority' && form[name] === '0')
    return !isDefault || errors[name] !== undefined
  })
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
      <summary class='flex items-center gap-2 px-5 py-4 font-semibold'>
        <SummaryMark />
        <span class='flex-1'>Fine-tune this job</span>
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
        <PriorityField view={view} />
      </div>
    </details>
  )
}

function PriorityField({ view: { form, errors } }: { view: NewJobView }) {
  return (
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
  )
}
