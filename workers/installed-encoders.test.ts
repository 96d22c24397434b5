/** What a worker says that it has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { installedEncodersSchema } from '../kernel/contract/encoder-routing.ts'
import { listInstalled } from './installed-encoders.ts'

const capabilitiesOf = (...videoCodecs: string[]) => ({
  name: 'ffmpeg' as const,
  version: '7.1',
  videoCodecs,
  audioCodecs: [],
  gpuAccelerated: false,
  gpuType: 'none' as const,
})
const builtIn = { version: '1.0.0', tools: ['ffmpeg'], capabilities: capabilitiesOf('libx264') }

test('listInstalled() believes a plugin that runs more than its manifest, and leaves out what is out', () => {
  const found = ['runs', 'new', 'silent', 'broken', 'encoder-ffmpeg'].map((id) => ({
    id,
    version: '1',
    tools: [],
    ...(id !== 'silent' && { videoCodecs: ['of-manifest'] }),
  }))
  const running = { version: '2', tools: ['ffprobe'], capabilities: capabilitiesOf('found') }
  const list = listInstalled({
    builtIn,
    found,
    peek: (id) => id === 'runs' ? running : undefined,
    isOut: (id) => id === 'broken',
  })
  assert.deepEqual(list, [
    { id: 'encoder-ffmpeg', version: '1.0.0', videoCodecs: ['libx264'], tools: ['ffmpeg'] },
    { id: 'runs', version: '2', videoCodecs: ['found'], tools: ['ffprobe'] },
    { id: 'new', version: '1', videoCodecs: ['of-manifest'], tools: [] },
    { id: 'silent', version: '1', tools: [] },
  ])
})

test('listInstalled() keeps what the kernel would refuse to itself', () => {
  const many = Array.from({ length: 600 }, (_, i) => `c${i}`)
  const long = 'x'.repeat(101)
  const found = many.map((id) => {
    return { id, version: long, videoCodecs: [long, ...many], tools: [...many] }
  })
  const list = listInstalled({
    builtIn,
    found: [{ id: long, version: '1', tools: [] }, ...found],
    peek: () => undefined,
    isOut: () => false,
  })
  assert.equal(installedEncodersSchema.safeParse(list).success, true)
  assert.deepEqual([list.length, list[1]?.id, list[1]?.videoCodecs?.length], [64, 'c0', 500])
})
