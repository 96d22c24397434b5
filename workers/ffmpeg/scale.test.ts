/** Tests of scale.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fittedSize, pictureFilters } from './scale.ts'

const contain = { fit: 'contain' } as const

test('fittedSize() fits into the box, up and down, and keeps the shape', () => {
  const cases: [number, number, number | undefined, number | undefined, number, number][] = [
    [1920, 1080, 1280, 720, 1280, 720],
    [854, 480, 1920, 1080, 1920, 1080],
    [1080, 1920, 1280, 720, 406, 720],
    [3026, 1386, 854, 480, 854, 392],
    [161, 121, undefined, undefined, 162, 122],
    [161, 121, 161, 121, 160, 120],
    [640, 360, 1280, undefined, 1280, 720],
    [640, 360, undefined, 180, 320, 180],
    [4000, 10, 320, 240, 320, 16],
  ]
  for (const [width, height, boxWidth, boxHeight, ...wanted] of cases) {
    const box = {
      ...contain,
      ...(boxWidth !== undefined && { width: boxWidth }),
      ...(boxHeight !== undefined && { height: boxHeight }),
    }
    const size = fittedSize({ width, height }, box)
    assert.deepEqual(
      [size.width, size.height],
      wanted,
      `${width}x${height} in ${boxWidth}x${boxHeight}`,
    )
  }
})

test('pictureFilters() pads only when it is asked to', () => {
  const portrait = { width: 1080, height: 1920 }
  assert.deepEqual(pictureFilters(portrait, { ...contain, width: 1280, height: 720 }), [
    'scale=406:720',
  ])
  assert.deepEqual(pictureFilters(portrait, { fit: 'pad', width: 1280, height: 720 }), [
    'scale=406:720',
    'pad=1280:720:(ow-iw)/2:(oh-ih)/2',
  ])
})
