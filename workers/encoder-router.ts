/** Several encoders as one: each run goes to one that has its codec. */
import type { EncoderCapabilities, EncoderEngine, EncoderRun } from '../kernel/contract/encoder.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { needsGpu } from '../kernel/video-codecs.ts'

interface Known {
  readonly engine: EncoderEngine
  readonly capabilities: EncoderCapabilities
}

/**
 * Joins encoders, the preferred first. A run that names a codec goes to the first that has it; where the codec is a GPU's,
 * one with a GPU comes before the others. One that has crashed or does not answer is passed over for the next that has the
 * codec; when none has it, the first one says so in its own words.
 * @throws RangeError without an encoder
 */
export function createEncoderRouter(
  engines: readonly EncoderEngine[],
  log: Log,
): EncoderEngine {
  const [first, second] = engines
  if (first === undefined) throw new RangeError('A router needs an encoder; it was given none')
  if (second === undefined) return first

  const known = async (): Promise<Known[]> => {
    const asked = await Promise.allSettled(engines.map((engine) => engine.getCapabilities()))
    return asked.flatMap((answer, i) =>
      answer.status === 'fulfilled' ? [{ engine: engines[i]!, capabilities: answer.value }] : []
    )
  }

  return {
    async getCapabilities() {
      const all = (await known()).map(({ capabilities }) => capabilities)
      const main = all[0] ?? await first.getCapabilities()
      const { gpuAccelerated, gpuType } = all.find((one) => one.gpuAccelerated) ?? main
      return {
        ...main,
        gpuAccelerated,
        gpuType,
        videoCodecs: [...new Set(all.flatMap(({ videoCodecs }) => videoCodecs))],
        audioCodecs: [...new Set(all.flatMap(({ audioCodecs }) => audioCodecs))],
      }
    },
    async run(run, options) {
      const able = ableFirst(run, await known())
      for (const [i, { engine, capabilities }] of able.entries()) {
        try {
          return await engine.run(run, options)
        } catch (error) {
          if (!isOut(error) || i === able.length - 1) throw error
          log.warn('an encoder is out, the next one takes its run', {
            encoder: capabilities.name,
            task_id: run.taskId,
            error,
          })
        }
      }
      return await first.run(run, options)
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
    },
  }
}

/** Those that can do the run, the best first. */
function ableFirst({ videoCodec }: EncoderRun, all: readonly Known[]): readonly Known[] {
  if (videoCodec === undefined) return all
  const able = all.filter(({ capabilities }) => capabilities.videoCodecs.includes(videoCodec))
  if (!needsGpu(videoCodec)) return able
  return able.toSorted((a, b) =>
    Number(b.capabilities.gpuAccelerated) - Number(a.capabilities.gpuAccelerated)
  )
}

/** Whether the encoder could not even begin, or died: the run itself may be fine. */
function isOut(failure: unknown): boolean {
  return failure instanceof WebEncodeError && failure.code.startsWith('WE-PLG-')
}
