/** Which encoders may take which work: one function for the worker that has them, and for the kernel that gives the work out. */
import {
  builtInEncoderId,
  type EncoderRules,
  type InstalledEncoder,
} from '../contract/encoder-routing.ts'
import type { PluginRule } from '../contract/plugin-route.ts'
import type { Lane } from '../contract/task.ts'
import { familyOf, needsGpu } from '../video-codecs.ts'
import { listNamed, route } from './route.ts'

/** What the choice looks at of an encoder. */
export interface RankableEncoder {
  readonly id: string
  readonly priority: number
  /** Programs that it runs for work which names no encoder. */
  readonly tools: readonly string[]
  /** Absent: nobody knows, so it may have any. */
  readonly videoCodecs?: readonly string[] | undefined
  readonly gpuAccelerated: boolean
  /** Its process is there. One that is gone is asked last. */
  readonly isUp: boolean
}

/** A run, as far as it decides who may have it. */
export interface EncoderRequest {
  readonly tool: string
  /** The encoder that it needs (`libx264`); absent: any that runs the tool. */
  readonly videoCodec?: string | undefined
}

/** A task, as far as it decides who may have it. */
export interface EncoderNeed {
  readonly lane: Lane
  /** Empty: any encoder will do. */
  readonly videoCodec: string
}

/** Those that can do the run, the best first: as the rules rank them, a GPU's encoder first to one with a GPU. */
export function rankEncoders<T extends RankableEncoder>(
  { videoCodec, tool }: EncoderRequest,
  usable: readonly T[],
  rules: readonly PluginRule[],
): readonly T[] {
  if (videoCodec === undefined) {
    return usable.filter(({ tools }) => tools.includes(tool))
      .toSorted((a, b) => b.priority - a.priority)
  }
  const able = usable.filter(({ videoCodecs }) => videoCodecs?.includes(videoCodec) ?? true)
  const plugins = able.map((encoder) => routableFrom(encoder, videoCodec))
  return route(rules, routeRequest(videoCodec), plugins)
    .flatMap((id) => able.filter((one) => one.id === id))
}

/**
 * Whether a worker with these encoders can do the task, as what is wanted and the rules are. Where rules name enabled plugins for
 * the encoder or its codec, it must be one of those: a `*` only says who is asked first.
 * @param rules - absent: every plugin is used
 */
export function canDo(
  installed: readonly InstalledEncoder[],
  rules: EncoderRules | undefined,
  { lane, videoCodec }: EncoderNeed,
): boolean {
  const usable = usableOf(installed, rules)
  const mayRun = (request: EncoderRequest) => rankEncoders(request, usable, rules?.rules ?? [])
  if (!toolsOf(lane).every((tool) => mayRun({ tool }).length > 0)) return false
  if (videoCodec === '') return true
  const named = listNamedEncoders(rules, videoCodec)
  return mayRun({ tool: 'ffmpeg', videoCodec })
    .some(({ id }) => named.length === 0 || named.includes(id))
}

/** Ids of the enabled plugins that rules name for this encoder or its codec, the first choice first. */
export function listNamedEncoders(rules: EncoderRules | undefined, videoCodec: string): string[] {
  const exact = rules?.rules.filter(({ matches }) => matches !== '*') ?? []
  return listNamed(exact, routeRequest(videoCodec)).filter((id) => isEnabled(rules, id))
}

/** Whether the plugin is used: the built-in one unless it is disabled, another only when it is wanted. */
export function isEnabled(rules: EncoderRules | undefined, id: string): boolean {
  if (rules === undefined) return true
  return rules.plugins.find((plugin) => plugin.id === id)?.isEnabled ?? id === builtInEncoderId
}

/** Programs that the tasks of a lane run beside the encoder that they name. */
function toolsOf(lane: Lane): readonly string[] {
  return lane === 'probe' ? ['ffprobe', 'ffmpeg'] : ['ffmpeg']
}

function usableOf(
  installed: readonly InstalledEncoder[],
  rules: EncoderRules | undefined,
): RankableEncoder[] {
  return installed.filter(({ id }) => isEnabled(rules, id)).map(({ id, tools, videoCodecs }) => ({
    id,
    tools,
    videoCodecs,
    priority: rules?.plugins.find((plugin) => plugin.id === id)?.priority ?? 0,
    gpuAccelerated: false,
    isUp: true,
  }))
}

function routeRequest(videoCodec: string) {
  const family = familyOf(videoCodec)
  return {
    pillar: 'encoder',
    value: videoCodec,
    ...(family !== undefined && { family }),
    prefersGpu: needsGpu(videoCodec),
  } as const
}

/** What it found on its machine says more than its manifest. */
function routableFrom(
  { id, priority, videoCodecs, gpuAccelerated, isUp }: RankableEncoder,
  videoCodec: string,
) {
  return {
    manifest: {
      id,
      type: 'encoder',
      capabilities: {
        video_codecs: videoCodecs ?? [videoCodec],
        gpu_accelerated: gpuAccelerated,
      },
    },
    state: isUp ? 'healthy' : 'degraded',
    priority,
    isBuiltIn: id === builtInEncoderId,
  } as const
}
