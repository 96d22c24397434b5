/** What a worker says that it has: its encoder plugins, as their manifests name them and as they showed when they ran. */
import {
  builtInEncoderId,
  type InstalledEncoder,
  mostEncoders,
} from '../kernel/contract/encoder-routing.ts'
import type { EncoderPool, OpenEncoder } from './encoder-pool.ts'

/** A plugin of this machine, as its manifest names it. */
export interface FoundEncoder {
  readonly id: string
  readonly version: string
  /** Absent: the manifest does not say, and nobody knows before it runs. */
  readonly videoCodecs?: readonly string[]
  readonly tools: readonly string[]
}

export interface InstalledParts {
  readonly builtIn: Pick<OpenEncoder, 'tools' | 'capabilities'> & { readonly version: string }
  readonly found: readonly FoundEncoder[]
  readonly peek: EncoderPool['peek']
  readonly isOut: EncoderPool['isOut']
}

/** Encoders of video that are told of one plugin, at most; FFmpeg has about a hundred. */
const mostCodecs = 500
const mostTools = 20
const longestText = 100

/** The built-in one first, then those that may come up, up to a bound. */
export function listInstalled(
  { builtIn, found, peek, isOut }: InstalledParts,
): readonly InstalledEncoder[] {
  const others = found
    .filter(({ id }) => id !== builtInEncoderId && id.length <= longestText && !isOut(id))
    .map((plugin) => {
      const open = peek(plugin.id)
      const videoCodecs = open?.capabilities.videoCodecs ?? plugin.videoCodecs
      return bounded({ ...plugin, ...open, ...(videoCodecs !== undefined && { videoCodecs }) })
    })
  const { tools, version, capabilities: { videoCodecs } } = builtIn
  return [bounded({ id: builtInEncoderId, version, tools, videoCodecs }), ...others]
    .slice(0, mostEncoders)
}

function bounded({ id, version, videoCodecs, tools }: FoundEncoder): InstalledEncoder {
  return {
    id,
    version: version.slice(0, longestText),
    ...(videoCodecs !== undefined && { videoCodecs: short(videoCodecs, mostCodecs) }),
    tools: short(tools, mostTools),
  }
}

function short(texts: readonly string[], most: number): string[] {
  return texts.filter((text) => text.length <= longestText).slice(0, most)
}
