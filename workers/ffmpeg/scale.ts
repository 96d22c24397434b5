/** The size of the output picture: fitted into the profile's box, even in both directions. */
import type { VideoSettings } from '../../kernel/contract/profile.ts'

/** A size in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

type Box = Pick<VideoSettings, 'width' | 'height' | 'fit'>

/** Encoders of 4:2:0 pictures need even sizes, and none takes less than 16 pixels. */
const smallest = 16

/**
 * The size that a source of this displayed size (after rotation) has in the output: the largest that fits the
 * box and keeps the aspect ratio, up or down; without a box the source's own. Rounded to even pixels.
 */
export function fittedSize(source: Size, box: Box): Size {
  const factor = Math.min(
    box.width === undefined ? Infinity : box.width / source.width,
    box.height === undefined ? Infinity : box.height / source.height,
  )
  const scale = Number.isFinite(factor) ? factor : 1
  return {
    width: even(source.width * scale, box.width),
    height: even(source.height * scale, box.height),
  }
}

/**
 * The filters that make the output picture. `scale` changes the pixel aspect ratio by what the rounding
 * changed, so that the displayed shape stays exactly that of the source.
 */
export function pictureFilters(source: Size, box: Box): readonly string[] {
  const { width, height } = fittedSize(source, box)
  const scale = `scale=${width}:${height}`
  if (box.fit !== 'pad' || box.width === undefined || box.height === undefined) return [scale]
  return [scale, `pad=${box.width}:${box.height}:(ow-iw)/2:(oh-ih)/2`]
}

/** The nearest even number, at least 16 and at most `limit`. */
function even(pixels: number, limit = Infinity): number {
  return Math.max(smallest, Math.min(2 * Math.round(pixels / 2), 2 * Math.floor(limit / 2)))
}
