/** Who can do a task, by what it has, what is wanted, and the rules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderRules, InstalledEncoder } from '../contract/encoder-routing.ts'
import type { Lane } from '../contract/task.ts'
import { canDo, listNamedEncoders } from './encoder-route.ts'

const builtIn: InstalledEncoder = {
  id: 'encoder-ffmpeg',
  version: '1',
  videoCodecs: ['libx264', 'hevc_nvenc'],
  tools: ['ffmpeg', 'ffprobe'],
}
const plugin = (id: string, facts: Partial<InstalledEncoder> = {}): InstalledEncoder => ({
  id,
  version: '1',
  videoCodecs: ['libx264'],
  tools: [],
  ...facts,
})
const rule = (matches: string, plugin_id: string, gpu = false) => {
  return { matches, plugin_id, gpu, priority: 0 }
}
const off = (id: string) => ({ id, isEnabled: false, priority: 0 })
const on = (id: string) => ({ id, isEnabled: true, priority: 0 })
const chunk = (videoCodec: string) => ({ lane: 'cpu' as Lane, videoCodec })
const probe = (videoCodec: string) => ({ lane: 'probe' as Lane, videoCodec })

test('canDo() asks the built-in encoder unless it is disabled, and others only when they are wanted', () => {
  const both = [builtIn, plugin('second', { videoCodecs: ['libsvtav1'] })]
  const nothing: EncoderRules = { rules: [], plugins: [] }
  assert.equal(canDo(both, nothing, chunk('libx264')), true)
  assert.equal(canDo(both, nothing, chunk('libsvtav1')), false)
  assert.equal(canDo(both, { rules: [], plugins: [on('second')] }, chunk('libsvtav1')), true)
  assert.equal(canDo(both, { rules: [], plugins: [off('second')] }, chunk('libsvtav1')), false)
  assert.equal(canDo(both, undefined, chunk('libsvtav1')), true, 'no admin has a say')
  assert.equal(canDo(both, { rules: [], plugins: [off('encoder-ffmpeg')] }, chunk('')), false)
})

test('canDo() needs the tools of the task too, from whoever has them', () => {
  const rules = { rules: [], plugins: [off('encoder-ffmpeg'), on('second'), on('tools')] }
  const second = plugin('second')
  assert.equal(canDo([builtIn, second], rules, chunk('libx264')), false)
  const tools = plugin('tools', { videoCodecs: [], tools: ['ffmpeg'] })
  assert.equal(canDo([builtIn, second, tools], rules, chunk('libx264')), true)
  assert.equal(canDo([builtIn, second, tools], rules, chunk('')), true)
  assert.equal(canDo([builtIn, second, tools], rules, probe('')), false, 'there is no ffprobe')
  const whole = plugin('tools', { tools: ['ffmpeg', 'ffprobe'] })
  assert.equal(canDo([builtIn, whole], rules, probe('libx264')), true)
})

test('canDo() leaves a codec to the enabled plugins that rules name for it', () => {
  const with2 = [builtIn, plugin('second')]
  const named = (matches: string, plugins: EncoderRules['plugins'], gpu = false): EncoderRules => {
    return { rules: [rule(matches, 'second', gpu)], plugins }
  }
  const enabled = [on('second')]
  for (const matches of ['h264', 'libx264']) {
    assert.equal(canDo([builtIn], named(matches, enabled), chunk('libx264')), false)
    assert.equal(canDo(with2, named(matches, enabled), chunk('libx264')), true)
    assert.equal(canDo([builtIn], named(matches, enabled), chunk('')), true)
  }
  assert.equal(canDo([builtIn], named('h264', [off('second')]), chunk('libx264')), true)
  assert.equal(canDo([builtIn], named('h264', []), chunk('libx264')), true)
  assert.equal(canDo([builtIn], named('*', enabled), chunk('libx264')), true)
  assert.equal(canDo([builtIn], named('h264', enabled, true), chunk('libx264')), true)
  assert.equal(canDo([builtIn], named('hevc', enabled, true), chunk('hevc_nvenc')), false)
  const either = {
    rules: [rule('h264', 'second'), rule('h264', 'encoder-ffmpeg')],
    plugins: enabled,
  }
  assert.equal(canDo([builtIn], either, chunk('libx264')), true)
  assert.deepEqual(listNamedEncoders(either, 'libx264'), ['second', 'encoder-ffmpeg'])
})

test('canDo() takes a plugin that has not run yet at its word, also when it gave none', () => {
  const { videoCodecs: _, ...silent } = plugin('second')
  const rules = { rules: [rule('av1', 'second')], plugins: [on('second')] }
  assert.equal(canDo([builtIn, silent], rules, chunk('libsvtav1')), true)
  assert.equal(canDo([builtIn, plugin('second')], rules, chunk('libsvtav1')), false)
})
