/** The form of a new job: its fields, and the request that is made of them. */
import { z } from 'zod'
import { issueSentence } from '../../kernel/contract/issue-words.ts'
import { type CreateJob, createJobSchema } from '../../kernel/contract/job.ts'
import type { Profile, ProfileOverrides } from '../../kernel/contract/profile.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { statusOf } from '../../kernel/http/problem.ts'

export const sourceKinds = ['upload', 'url', 'path'] as const
export type SourceKind = (typeof sourceKinds)[number]

const textField = z.string().trim().max(4096).catch('').default('')

/** The fields as they were typed. Empty means: as the profile has it. */
const formSchema = z.object({
  kind: z.enum(sourceKinds).catch('upload').default('upload'),
  source_upload: textField,
  source_url: textField,
  source_path: textField,
  profile: textField,
  priority: textField,
  container: textField,
  codec: textField,
  preset: textField,
  crf: textField,
  maxrate_kbps: textField,
  width: textField,
  height: textField,
  audio_codec: textField,
  audio_kbps: textField,
  channels: textField,
  chunk_seconds: textField,
  key: z.string().regex(/^[A-Za-z0-9-]{8,64}$/).catch('').default(''),
})
export type NewJobForm = z.infer<typeof formSchema>
export type FieldName = keyof NewJobForm

/** Messages by field. */
export type FieldErrors = Readonly<Partial<Record<FieldName, string>>>

/** The form's fields from a body or an address; whatever is missing is empty. */
export function newJobFormFrom(fields: Readonly<Record<string, unknown>>): NewJobForm {
  return formSchema.parse(fields)
}

/** The request of a filled-in form, or what is wrong with it. */
export function createJobFrom(
  form: NewJobForm,
  profiles: readonly Profile[],
): { readonly request: CreateJob } | { readonly errors: FieldErrors } {
  const source = form[`source_${form.kind}`]
  if (source === '') return { errors: { [`source_${form.kind}`]: missingSource[form.kind] } }
  const parsed = createJobSchema.safeParse({
    source_url: source,
    profile: form.profile,
    priority: numberFrom(form.priority) ?? 0,
    ...overridesFrom(form, profiles.find((profile) => profile.name === form.profile)),
  })
  if (parsed.success) return { request: parsed.data }
  const errors = parsed.error.issues.map((issue) => [
    fieldOf(issue.path.join('.'), form),
    issueSentence(issue),
  ])
  return { errors: Object.fromEntries(errors) }
}

/** What is wrong with the form as the kernel says it; undefined when the failure is none of the form's. */
export function fieldErrorsFrom(failure: unknown, form: NewJobForm): FieldErrors | undefined {
  if (!(failure instanceof WebEncodeError) || statusOf(failure.code) >= 500) return undefined
  const isSource = failure.code === 'WE-JOB-002' || failure.code.startsWith('WE-STO')
  const path = failure.path ?? (isSource ? 'source_url' : 'profile')
  return { [fieldOf(path, form)]: failure.message }
}

const missingSource: Record<SourceKind, string> = {
  upload: 'Choose a file and wait until it has arrived.',
  url: 'Enter the address of a video.',
  path: 'Choose a file from the list.',
}

/** Fields by the path of the request that they fill. */
const fieldsByPath: Readonly<Record<string, FieldName>> = {
  profile: 'profile',
  priority: 'priority',
  'overrides.container': 'container',
  'overrides.video.codec': 'codec',
  'overrides.video.preset': 'preset',
  'overrides.video.codecProfile': 'codec',
  'overrides.video.rateControl': 'crf',
  'overrides.video.rateControl.crf': 'crf',
  'overrides.video.rateControl.maxrateBps': 'maxrate_kbps',
  'overrides.video.rateControl.bufferBits': 'maxrate_kbps',
  'overrides.video.width': 'width',
  'overrides.video.height': 'height',
  'overrides.video.fit': 'width',
  'overrides.audio.codec': 'audio_codec',
  'overrides.audio.bitrateBps': 'audio_kbps',
  'overrides.audio.channels': 'channels',
  'overrides.chunkSeconds': 'chunk_seconds',
  'overrides.video.gopSeconds': 'chunk_seconds',
}

/** The field that fills this path; what no field fills is shown at the profile. */
function fieldOf(path: string, form: NewJobForm): FieldName {
  if (path === 'source_url') return `source_${form.kind}`
  return fieldsByPath[path] ?? 'profile'
}

function overridesFrom(form: NewJobForm, profile: Profile | undefined): { overrides?: unknown } {
  const overrides = present({
    container: form.container,
    chunkSeconds: numberFrom(form.chunk_seconds),
    video: present({
      codec: form.codec,
      preset: form.preset,
      width: numberFrom(form.width),
      height: numberFrom(form.height),
      rateControl: rateControlFrom(form, profile),
    }),
    audio: present({
      codec: form.audio_codec,
      bitrateBps: thousands(form.audio_kbps),
      channels: numberFrom(form.channels),
    }),
  })
  return overrides === undefined ? {} : { overrides }
}

/** A cap alone keeps the quality of the profile; quality alone keeps its cap. */
function rateControlFrom(
  form: NewJobForm,
  profile: Profile | undefined,
): NonNullable<ProfileOverrides['video']>['rateControl'] | undefined {
  if (form.crf === '' && form.maxrate_kbps === '') return undefined
  const own = profile?.video.rateControl
  const crf = numberFrom(form.crf) ?? (own?.mode === 'crf' ? own.crf : undefined)
  const cap = thousands(form.maxrate_kbps)
  return present({
    mode: 'crf' as const,
    crf,
    maxrateBps: cap ?? own?.maxrateBps,
    bufferBits: cap === undefined ? own?.bufferBits : 2 * cap,
  }) as NonNullable<ProfileOverrides['video']>['rateControl']
}

/** The fields that have a value; undefined when none has. */
function present<Fields extends object>(fields: Fields): Partial<Fields> | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')
  return entries.length === 0 ? undefined : Object.fromEntries(entries) as Partial<Fields>
}

/** Text that is no number becomes NaN, which the schema refuses at the right field. */
function numberFrom(text: string): number | undefined {
  return text === '' ? undefined : Number(text)
}

function thousands(text: string): number | undefined {
  const value = numberFrom(text)
  return value === undefined ? undefined : Math.round(value * 1000)
}
