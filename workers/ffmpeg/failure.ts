/** Turns the way an FFmpeg run ended into a typed failure that a retry policy and a person understand. */
import type { EncoderOutcome } from '../../kernel/contract/encoder.ts'
import type { FailureKind, TaskFailure } from '../../kernel/contract/task.ts'
import type { ErrorCode } from '../../kernel/errors.ts'
import { clean } from '../../kernel/log.ts'

/** What the run was for. */
export interface RunPurpose {
  /** Completes "FFmpeg could not …", e.g. `encode chunk 3`. */
  readonly action: string
  /** The source, so that its errors are told from ours; it is named `<source>` in what people read. */
  readonly source?: string
}

type Ended = Exclude<EncoderOutcome, { status: 'finished' }>

interface Diagnosis {
  readonly kind: FailureKind
  readonly code: ErrorCode
  readonly message: string
}

const detailLimit = 4000
/** What FFmpeg wrappers exit with when they cannot read their input (`EX_UNAVAILABLE`). */
const inputErrorExitCode = 69

/** The failure of a run that did not finish. */
export function failureFrom(outcome: Ended, purpose: RunPurpose): TaskFailure {
  return { ...diagnose(outcome, purpose), ...detailFrom(outcome.stderr, purpose.source) }
}

/** A source that cannot be used, said in one sentence. */
export function invalidInput(message: string, stderr = '', source?: string): TaskFailure {
  return { kind: 'invalid-input', code: 'WE-JOB-007', message, ...detailFrom(stderr, source) }
}

/** An output that did not pass its checks: it is thrown away and made again. */
export function wrongOutput(what: string, problem: string): TaskFailure {
  return {
    kind: 'wrong-output',
    code: 'WE-JOB-008',
    message: `${what} did not pass verification: ${problem}.`,
  }
}

function diagnose(outcome: Ended, purpose: RunPurpose): Diagnosis {
  const { action } = purpose
  if (outcome.status === 'cancelled') {
    return { kind: 'lost', code: 'WE-WRK-003', message: `FFmpeg was stopped: ${action}.` }
  }
  if (outcome.status === 'timedOut') {
    return {
      kind: 'timeout',
      code: 'WE-JOB-008',
      message: `FFmpeg took longer than allowed to ${action}.`,
    }
  }
  return fromMachine(outcome, action) ?? fromSource(outcome, purpose) ?? {
    kind: 'encoder',
    code: 'WE-JOB-008',
    message: `FFmpeg could not ${action}: ${lastError(outcome.stderr, purpose.source)}`,
  }
}

/** Reasons that lie in the machine: another one, or a later time, may do better. */
function fromMachine(outcome: Ended & { status: 'failed' }, action: string): Diagnosis | undefined {
  if (/No space left on device|Disk quota exceeded|File too large/.test(outcome.stderr)) {
    return {
      kind: 'storage-full',
      code: 'WE-STO-003',
      message: `The disk is full: FFmpeg could not ${action}.`,
    }
  }
  const isKilled = outcome.signal === 'SIGKILL' || outcome.exitCode === 137
  if (isKilled || /Cannot allocate memory/.test(outcome.stderr)) {
    return {
      kind: 'out-of-memory',
      code: 'WE-JOB-008',
      message: `The system ended FFmpeg, most likely for lack of memory: it could not ${action}.`,
    }
  }
  return undefined
}

/** Reasons that lie in the source: it cannot be reached, or it is not what it should be. */
function fromSource(
  { stderr, exitCode }: Ended & { status: 'failed' },
  { source }: RunPurpose,
): Diagnosis | undefined {
  if (source === undefined) return undefined
  const unreachable = unreachableReason(stderr, source)
  if (unreachable !== undefined) {
    return {
      kind: 'source-unavailable',
      code: 'WE-JOB-002',
      message: `The source cannot be read: ${unreachable}.`,
    }
  }
  const sentence = exitCode === inputErrorExitCode ? generalSentence : invalidSentence(stderr)
  return sentence === undefined
    ? undefined
    : { kind: 'invalid-input', code: 'WE-JOB-007', message: sentence }
}

function unreachableReason(stderr: string, source: string): string | undefined {
  const http = /Server returned (\d\w\w)/.exec(stderr)?.[1] ?? /HTTP error (\d+)/.exec(stderr)?.[1]
  if (http !== undefined) return `its server answered ${http}`
  const named = stderr.split('\n').find((line) => line.includes(`${source}: `)) ?? ''
  const reason =
    /(No such file or directory|Permission denied|Connection refused|Connection timed out|Connection reset by peer|Input\/output error|Network is unreachable|End of file)/
      .exec(named)?.[1]
  return reason === undefined ? undefined : reason.toLowerCase()
}

const generalSentence =
  'The source cannot be read as video or audio: it is damaged, or of an unsupported format.'

const invalidSentences: readonly (readonly [RegExp, string])[] = [
  // Every format was tried and none was sure.
  [/detected only with low score/, generalSentence],
  [
    /moov atom not found/,
    'The source is incomplete: its index (the moov atom) is missing, as in an MP4 that was cut off.',
  ],
  [
    /Format not on whitelist/,
    'The source is not a video or audio file: playlists, lists and images are not accepted.',
  ],
  [
    /Decoder \(codec [^)]*\) not found|Unsupported codec|no decoder found/i,
    'The source uses a codec that cannot be decoded here.',
  ],
  [/matches no streams|does not contain any stream/, 'The source has no video and no audio.'],
  [
    /Cannot determine format of input stream|Could not find codec parameters/,
    'The source cannot be decoded: no picture could be read from its video.',
  ],
  [/Invalid data found when processing input|Invalid argument/, generalSentence],
]

function invalidSentence(stderr: string): string | undefined {
  if (/Unknown encoder|Error while opening encoder|Error initializing output/.test(stderr)) {
    return undefined
  }
  return invalidSentences.find(([pattern]) => pattern.test(stderr))?.[1]
}

/** The last line that FFmpeg itself calls an error, without its tags. */
function lastError(stderr: string, source: string | undefined): string {
  const lines = readable(stderr, source).trim().split('\n')
  const line = lines.findLast((text) => /\[(error|fatal|panic)\]/.test(text)) ?? lines.at(-1) ?? ''
  return line.replace(/^(\[[^\]]*\]\s*)+/, '').slice(0, 300) || 'it gave no reason'
}

function detailFrom(stderr: string, source: string | undefined): { detail?: string } {
  const text = readable(stderr, source).trim().slice(-detailLimit)
  return text === '' ? {} : { detail: text }
}

function readable(stderr: string, source: string | undefined): string {
  return clean(source === undefined ? stderr : stderr.replaceAll(source, '<source>'))
}
