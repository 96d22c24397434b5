/** A whole job through the task handlers, with no FFmpeg but the WebAssembly build. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { EncodePlan, ObjectRef } from '../../kernel/contract/media.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import type { TaskBrief, TaskKind, TaskResult } from '../../kernel/contract/task.ts'
import { silentLog } from '../../kernel/log.ts'
import { taskHandlers } from '../handlers.ts'
import { createWasmEncoder } from './engine.ts'

const directory = mkdtempSync(join(tmpdir(), 'webencode-wasm-tasks-'))
const source = join(directory, 'source.mp4')
const encoder = createWasmEncoder({ log: silentLog, threads: 2 })
const [seconds, framesPerSecond] = [12, 25]

const profile: Profile = {
  name: 'test',
  description: 'Small and fast.',
  container: 'mp4',
  video: {
    codec: 'libx264',
    preset: 'ultrafast',
    rateControl: { mode: 'crf', crf: 30 },
    fit: 'contain',
    pixelFormat: 'yuv420p',
    gopSeconds: 2,
  },
  audio: { codec: 'aac', bitrateBps: 64_000, sampleRateHz: 48_000, channels: 2 },
  chunkSeconds: 6,
  maxAttempts: 3,
}

before(async () => {
  const picture = `testsrc2=size=160x90:rate=${framesPerSecond}:duration=${seconds}`
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=duration=${seconds}`]
  const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  const outcome = await encoder.run({
    taskId: 'source',
    correlationId: 'test',
    tool: 'ffmpeg',
    arguments: [...inputs, ...codecs, source],
    inputs: [],
    outputs: [source],
    workingDirectory: directory,
    timeoutMs: 60_000,
  })
  assert.equal(outcome.status, 'finished', outcome.stderr)
})

after(async () => {
  await encoder.close()
  rmSync(directory, { recursive: true })
})

test('taskHandlers take a job from probe to verify on the WebAssembly encoder', async () => {
  const { plan } = await perform('probe', {})
  assert.equal(plan.chunks.length, 2)
  assert.equal(plan.totalFrames, seconds * framesPerSecond)
  const facts = { plan: factsOf(plan) }
  const encoded = await Promise.all(
    plan.chunks.map((range, index) =>
      perform('encode', { ...facts, index, params: { kind: 'encode', range } })
    ),
  )
  const audio = await perform('audio', { ...facts })
  const stitched = await perform('stitch', {
    ...facts,
    inputs: encoded.map((result, index) => inputFrom(result.object, index)),
    audio: inputFrom(audio.object, 0),
    ranges: plan.chunks,
  })
  const { outputs, report } = await perform('verify', {
    ...facts,
    inputs: [inputFrom(stitched.object, 0)],
  })
  assert.equal(outputs.length, 1)
  assert.equal(report['frames'], seconds * framesPerSecond)
  assert.equal(report['audioTracks'], 1)
})

test('probe refuses a profile whose encoder this build does not have', async () => {
  const video = { ...profile.video, codec: 'libvpx-vp9' } as const
  const asked = { ...profile, container: 'webm', video } as const
  await assert.rejects(
    perform('probe', { index: 1, profile: asked }),
    /cannot encode with libvpx-vp9/,
  )
})

type ResultOf<Kind extends TaskKind> = Extract<TaskResult, { kind: Kind }>

async function perform<Kind extends TaskKind>(
  kind: Kind,
  changes: Partial<TaskBrief>,
): Promise<ResultOf<Kind>> {
  const brief = briefOf(kind, changes)
  const own = join(directory, brief.taskId)
  mkdirSync(own)
  const log: string[] = []
  const handling = taskHandlers[kind]({
    brief,
    encoder,
    directory: own,
    signal: new AbortController().signal,
    log: silentLog,
    sourceInput: source,
    input: (input) => Promise.resolve(join(directory, input.key)),
    publish: (file, name) => publish(file, `${brief.taskId}-${name}`),
    progress: () => {},
    record: (line) => log.push(line),
  })
  const result = await handling.catch((cause: unknown) => {
    throw new Error(`${kind} failed: ${String(cause)}\n${log.join('\n')}`, { cause })
  })
  return result as ResultOf<Kind>
}

function briefOf(kind: TaskKind, changes: Partial<TaskBrief>): TaskBrief {
  const index = changes.index ?? 0
  return {
    taskId: `${kind}.${index}`,
    jobId: 'job',
    index,
    attempt: 1,
    leaseToken: 'token',
    leaseMs: 20_000,
    correlationId: 'test',
    profile,
    source: { url: pathToFileURL(source).href, name: basename(source) },
    params: { kind } as TaskBrief['params'],
    inputs: [],
    outputPrefix: kind,
    fleetSlots: 2,
    timeoutMs: 60_000,
    ...changes,
  }
}

async function publish(file: string, key: string): Promise<ObjectRef> {
  await copyFile(file, join(directory, key))
  const bytes = await readFile(file)
  return { key, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function inputFrom(object: ObjectRef, index: number): TaskBrief['inputs'][number] {
  return { ...object, url: pathToFileURL(join(directory, object.key)).href, taskId: 'task', index }
}

function factsOf(plan: EncodePlan): TaskBrief['plan'] {
  const { chunks, ...facts } = plan
  assert.ok(chunks.length > 0)
  return facts
}
