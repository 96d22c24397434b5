/** Finds out which FFmpeg is there and what it can encode. */
import { execa } from 'execa'
import type { EncoderCapabilities } from '../../kernel/contract/encoder.ts'
import { environmentFrom } from './command.ts'
import { findGpus, gpuFor, type GpuVendor, runsOn } from './gpus.ts'

/** A program that does not answer such a simple question in 10 s never will. */
const detectTimeoutMs = 10_000

/**
 * Version and encoders of the FFmpeg at `path`; undefined when there is none that runs.
 * Hardware encoders are listed only when their device is present: builds name them regardless.
 */
export async function detectFfmpeg(path = 'ffmpeg'): Promise<EncoderCapabilities | undefined> {
  const options = {
    env: environmentFrom(process.env),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: detectTimeoutMs,
  } as const
  const [version, encoders, gpus] = await Promise.all([
    execa(path, ['-hide_banner', '-version'], options),
    execa(path, ['-hide_banner', '-encoders'], options),
    findGpus(),
  ])
  const number = /^ffmpeg version (\S+)/.exec(version.stdout ?? '')?.[1]
  if (number === undefined || encoders.exitCode !== 0) return undefined
  return capabilitiesFrom(number, encoders.stdout, gpus)
}

/** Reads the table that `ffmpeg -encoders` prints. */
export function capabilitiesFrom(
  version: string,
  table: string,
  gpus: ReadonlySet<GpuVendor>,
): EncoderCapabilities {
  const rows = [...table.matchAll(/^ ([VA])[.A-Z]{5} (\S+) /gm)].filter(([, , name]) =>
    name !== '='
  )
  const names = (kind: string) => rows.filter((row) => row[1] === kind).map((row) => row[2] ?? '')
  const videoCodecs = names('V').filter((name) => runsOn(name, gpus))
  const gpuType = gpuFor(videoCodecs, gpus)
  return {
    name: 'ffmpeg',
    version,
    videoCodecs,
    audioCodecs: names('A'),
    gpuAccelerated: gpuType !== 'none',
    gpuType,
  }
}
