/** The mesh: how the rest of the kernel calls plugins, whichever of their processes serves at the moment. */
import type { CallOptions, Pillar, PluginManifest, PluginState } from './plugin.ts'

/** A plugin that can be called. */
export interface ServingPlugin {
  readonly manifest: PluginManifest
  /** `healthy`, or `degraded`: it answers, slowly or not always. */
  readonly state: Extract<PluginState, 'healthy' | 'degraded'>
  readonly priority: number
  /** Comes before others of the same rank. @default false */
  readonly isBuiltIn?: boolean
}

/** What a call is for, so that the rules of the admin can say who gets it. */
export interface RouteRequest {
  readonly pillar: Pillar
  /** Storage: a URL. Encoder: a video codec. Publisher: a platform. Live: a protocol. Auth: a scheme. */
  readonly value: string
  /** A wider word for the value, which rules may name too: `h264` for the encoder `libx264`. */
  readonly family?: string
  /** @default false */
  readonly prefersGpu?: boolean
}

/**
 * Calls plugins. While a new version is watched, a call that fails on it and may be repeated is made again on the old one.
 * All throw WE-PLG-001 for a plugin that nobody wanted yet, WE-PLG-002 for one that is disabled, WE-PLG-004 (next: retry) while
 * none of its processes serves, and what `PluginInstance` throws.
 */
export interface PluginMesh {
  call(
    pluginId: string,
    method: string,
    request: object,
    options?: CallOptions,
  ): Promise<unknown>
  readStream(
    pluginId: string,
    method: string,
    request: object,
    options?: CallOptions,
  ): AsyncIterable<unknown>
  writeStream(
    pluginId: string,
    method: string,
    requests: AsyncIterable<object>,
    options?: CallOptions,
  ): Promise<unknown>
  /** What a plugin is for that somebody wanted, also while none of its processes serves. */
  pillarOf(pluginId: string): Pillar | undefined
  /** Plugins of a pillar that serve now. */
  listServing(pillar: Pillar): readonly ServingPlugin[]
  /** Ids of the plugins that may take this, the best first; empty when none can. */
  route(request: RouteRequest): Promise<readonly string[]>
}
