/** The encoder service, served from an encoder port: the plugin's end. */
import type { EncoderEngine, EncoderOutcome, EncoderProgress } from '../../contract/encoder.ts'
import type { ServedCall, ServedMethods } from '../serve.ts'
import {
  encoderRunFrom,
  outcomeMessageFrom,
  progressMessageFrom,
  type TaskSpecMessage,
} from './encoder-messages.ts'

/** A run says that it goes on at least this often, in milliseconds. */
const beatMs = 2_000
/** Characters of standard output in one message. */
const pieceLength = 1024 * 1024

/** The functions of the service. */
export function encoderMethods(engine: EncoderEngine): ServedMethods {
  const running = new Map<string, AbortController>()
  return {
    GetCapabilities: async () => await engine.getCapabilities(),
    async *Transcode(request: object, call: ServedCall) {
      const spec = request as TaskSpecMessage
      const stop = new AbortController()
      running.set(spec.runId, stop)
      try {
        yield* transcode(engine, spec, AbortSignal.any([stop.signal, call.signal]))
      } finally {
        running.delete(spec.runId)
      }
    },
    Cancel: async (request: object) => {
      running.get((request as { runId: string }).runId)?.abort(new Error('The run was cancelled'))
      return {}
    },
  }
}

async function* transcode(
  engine: EncoderEngine,
  spec: TaskSpecMessage,
  signal: AbortSignal,
): AsyncGenerator<object> {
  const { taskId } = spec
  const news = createNews()
  const run = engine.run(encoderRunFrom(spec), { signal, onProgress: news.tell })
  for (;;) {
    const outcome = await Promise.race([run, news.next()])
    if (outcome !== undefined) return yield* endOf(taskId, outcome)
    yield progressMessageFrom(taskId, news.latest())
  }
}

function* endOf(taskId: string, outcome: EncoderOutcome): Generator<object> {
  const { stdout } = outcome
  for (let at = 0; at < stdout.length; at += pieceLength) {
    yield { taskId, stdout: stdout.slice(at, at + pieceLength) }
  }
  yield { taskId, outcome: outcomeMessageFrom(outcome) }
}

/** The latest progress: what came between two messages is overtaken by it. */
function createNews() {
  let latest: EncoderProgress | undefined
  let wake = () => {}
  return {
    tell(progress: EncoderProgress) {
      latest = progress
      wake()
    },
    latest: () => latest,
    /** Resolves when there is something new, or nothing for so long that it must be said. */
    async next(): Promise<undefined> {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, beatMs)
      wake = resolve
      await promise
      clearTimeout(timer)
    },
  }
}
