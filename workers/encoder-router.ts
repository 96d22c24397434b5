/** The encoders of a worker as one: each run goes where the rules of the admin lead it. */
import type { EncoderCapabilities, EncoderEngine, EncoderRun } from '../kernel/contract/encoder.ts'
import {
  builtInEncoderId,
  type EncoderRouting,
  type InstalledEncoder,
} from '../kernel/contract/encoder-routing.ts'
import type { PluginRule } from '../kernel/contract/plugin-route.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { isEnabled, rankEncoders } from '../kernel/plugin/encoder-route.ts'
import type { EncoderPool, OpenEncoder } from './encoder-pool.ts'
import { type FoundEncoder, listInstalled } from './installed-encoders.ts'

export interface RouterOptions {
  /** FFmpeg, or its WebAssembly build: what every worker has. */
  readonly main: EncoderEngine & { readonly isUp?: () => boolean }
  /** Of the plugin that the main one is. @default what it says of itself */
  readonly mainVersion?: string
  readonly pool: Pick<EncoderPool, 'follow' | 'list' | 'peek' | 'isOut' | 'close'>
  /** The plugins of this machine, wanted or not. @default none */
  readonly find?: () => Promise<readonly FoundEncoder[]>
  /** What holds until a kernel says something else. */
  readonly routing: EncoderRouting
  readonly log: Log
}

/** An encoder that gives its runs out. */
export interface RoutedEncoder extends EncoderEngine {
  /** Runs that begin from now on are given out so. */
  follow(routing: EncoderRouting): void
  /** The plugins of this machine that a kernel may give work for, as far as they can do any now; never waits for one that starts. */
  listInstalled(): Promise<readonly InstalledEncoder[]>
  /** What the built-in encoder and all plugins that run can do together, also where the rules leave the built-in one out. */
  getInstalled(): Promise<EncoderCapabilities>
}

/**
 * Joins encoders. A run that names a codec goes to those that have it, as the rules rank them; a GPU's codec first to one with a
 * GPU. A run without a codec (probing, audio, checking) is the built-in encoder's, or while that is disabled, of a plugin whose
 * manifest names the tool. An encoder that has crashed or does not answer is passed over for the next.
 */
export async function createEncoderRouter(options: RouterOptions): Promise<RoutedEncoder> {
  const { main, pool, log } = options
  const builtIn: OpenEncoder = {
    id: builtInEncoderId,
    priority: 0,
    tools: ['ffmpeg', 'ffprobe'],
    capabilities: await main.getCapabilities(),
    engine: {
      run: (run, runOptions) => main.run(run, runOptions),
      isUp: () => main.isUp?.() ?? true,
    },
  }
  const mainVersion = options.mainVersion ?? builtIn.capabilities.version
  let { routing } = options
  const follow = (next: EncoderRouting) => {
    routing = next
    pool.follow(next.plugins.filter(({ id }) => id !== builtInEncoderId))
  }
  follow(routing)
  /** A kernel has said what is wanted: before, a plugin that does not start may only lack its configuration. */
  let hasHeard = false

  const usesBuiltIn = () => isEnabled(routing, builtInEncoderId)
  const listUsable = async (signal?: AbortSignal) => [
    ...usesBuiltIn() ? [builtIn] : [],
    ...await pool.list(signal),
  ]

  /** Whom to ask, the best first. What only the built-in one does waits for no plugin that is starting. */
  async function* candidatesFor(run: EncoderRun, signal: AbortSignal | undefined) {
    const { rules } = routing
    const isPlain = run.videoCodec === undefined && usesBuiltIn()
    if (isPlain) yield builtIn
    const usable = await listUsable(signal)
    const ranked = rank(run, usable, rules)
    yield* isPlain ? ranked.filter((one) => one !== builtIn) : ranked
    // Nobody can: FFmpeg says so in its own words.
    if (ranked.length === 0 && usable.includes(builtIn)) yield builtIn
  }

  return {
    follow(next) {
      hasHeard = true
      follow(next)
    },
    listInstalled: async () =>
      listInstalled({
        builtIn: { ...builtIn, version: mainVersion },
        found: await options.find?.() ?? [],
        peek: (id) => pool.peek(id),
        isOut: (id) => hasHeard && pool.isOut(id),
      }),
    async getCapabilities() {
      const [first, ...others] = await listUsable()
      if (first === undefined) throw disabled('say what it can do')
      return joined(first, others)
    },
    getInstalled: async () => joined(builtIn, await pool.list()),
    async run(run, runOptions) {
      // The first one says why the run could not begin.
      let failure: unknown
      for await (const { id, engine } of candidatesFor(run, runOptions?.signal)) {
        if (failure !== undefined) {
          const facts = { next: id, task_id: run.taskId, error: failure }
          log.warn('an encoder is out, the next one takes its run', facts)
        }
        try {
          return await engine.run(run, runOptions)
        } catch (error) {
          if (!isOut(error)) throw error
          failure ??= error
        }
      }
      throw failure ?? disabled(`run ${run.videoCodec ?? run.tool}`)
    },
    async close() {
      await Promise.all([main.close(), pool.close()])
    },
  }
}

/** Those that can do the run, the best first. */
function rank(
  run: EncoderRun,
  usable: readonly OpenEncoder[],
  rules: readonly PluginRule[],
): readonly OpenEncoder[] {
  const rankable = usable.map((open) => ({
    id: open.id,
    priority: open.priority,
    tools: open.tools,
    videoCodecs: open.capabilities.videoCodecs,
    gpuAccelerated: open.capabilities.gpuAccelerated,
    isUp: open.engine.isUp(),
    open,
  }))
  return rankEncoders(run, rankable, rules).map(({ open }) => open)
}

function joined(first: OpenEncoder, others: readonly OpenEncoder[]): EncoderCapabilities {
  const all = [first, ...others].map(({ capabilities }) => capabilities)
  const { gpuAccelerated, gpuType } = all.find((one) => one.gpuAccelerated) ?? first.capabilities
  return {
    ...first.capabilities,
    gpuAccelerated,
    gpuType,
    videoCodecs: [...new Set(all.flatMap(({ videoCodecs }) => videoCodecs))],
    audioCodecs: [...new Set(all.flatMap(({ audioCodecs }) => audioCodecs))],
  }
}

/** Whether the encoder could not even begin, or died: the run itself may be fine. */
function isOut(failure: unknown): boolean {
  return failure instanceof WebEncodeError && failure.code.startsWith('WE-PLG-')
}

function disabled(action: string): WebEncodeError {
  return new WebEncodeError(
    'WE-PLG-002',
    `Cannot ${action}: an encoder plugin that this worker has must be enabled for it, and ` +
      `${builtInEncoderId} is disabled and no other one can`,
  )
}
