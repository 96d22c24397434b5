import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pillar, PluginManifest } from '../contract/plugin.ts'
import type { ServingPlugin } from '../contract/plugin-mesh.ts'
import type { PluginRule } from '../contract/plugin-route.ts'
import { listNamed, route } from './route.ts'

const manifestOf = (
  id: string,
  type: Pillar,
  capabilities: Record<string, unknown>,
): PluginManifest => ({
  id,
  type,
  version: '1.0.0',
  protocolVersion: '1',
  supportedKernelVersions: ['0.1.0'],
  main: 'main.ts',
  isolation: 'sandbox',
  capabilities,
  configSchema: { type: 'object' },
  permissions: { net: [], read: [], write: [], env: [], run: [] },
})

const plugin = (
  id: string,
  capabilities: Record<string, unknown> = {},
  changes: Partial<ServingPlugin> & { type?: Pillar } = {},
): ServingPlugin => {
  const { type = 'storage', ...serving } = changes
  return {
    manifest: manifestOf(id, type, capabilities),
    state: 'healthy',
    priority: 0,
    ...serving,
  }
}
const rule = (
  matches: string,
  plugin_id: string,
  changes: Partial<PluginRule> = {},
): PluginRule => ({
  matches,
  plugin_id,
  gpu: false,
  priority: 0,
  ...changes,
})
const storage = (value: string, rules: PluginRule[], plugins: ServingPlugin[]) =>
  route(rules, { pillar: 'storage', value }, plugins)
const encoder = (value: string, prefersGpu: boolean, rules: PluginRule[], ids: string[]) =>
  route(
    rules,
    { pillar: 'encoder', value, prefersGpu },
    ids.map((id) => plugin(id, {}, { type: 'encoder' })),
  )

test('route() follows what manifests say: the schemes of the specification', () => {
  const plugins = ['s3', 'local_fs', 'seaweedfs', 'http'].map((type) =>
    plugin(type, { storage_type: type })
  )
  const urls = ['s3://b/k', 'fs://x', 'file:///x', 'http://h/x', 'https://h/x', 'S3://b/k']
  assert.deepEqual(urls.map((url) => storage(url, [], plugins)), [
    ['s3'],
    ['local_fs'],
    ['seaweedfs'],
    ['http'],
    ['http'],
    ['s3'],
  ])
  assert.deepEqual(storage('ftp://x', [], plugins), [])
})

test('route() takes rules of the admin before manifests, the more exact one first', () => {
  const plugins = [plugin('a', { storage_type: 's3' }), plugin('b'), plugin('c')]
  const rules = [rule('s3://', 'b'), rule('s3://media/', 'c')]
  assert.deepEqual(storage('s3://media/x', rules, plugins), ['c', 'b', 'a'])
  assert.deepEqual(storage('s3://Media/x', rules, plugins), ['b', 'a'])
  assert.deepEqual(storage('s3://media/x', [rule('*', 'b'), rule('s3://', 'c')], plugins), [
    'c',
    'b',
    'a',
  ])
})

test('route() takes the higher priority of a rule, and of a plugin without one', () => {
  const plugins = [plugin('a'), plugin('b')]
  assert.deepEqual(
    storage('s3://x', [rule('s3://', 'a'), rule('s3://', 'b', { priority: 1 })], plugins),
    [
      'b',
      'a',
    ],
  )
  const own = [
    plugin('a', { storage_type: 's3' }),
    plugin('b', { storage_type: 's3' }, { priority: 5 }),
  ]
  assert.deepEqual(storage('s3://x', [], own), ['b', 'a'])
})

test('route() puts degraded plugins behind healthy ones, and leaves out those that do not serve', () => {
  const plugins = [plugin('a', {}, { state: 'degraded' }), plugin('b')]
  const rules = [rule('s3://', 'a', { priority: 9 }), rule('s3://', 'b'), rule('s3://', 'gone')]
  assert.deepEqual(storage('s3://x', rules, plugins), ['b', 'a'])
})

test('route() uses a GPU only for those who prefer it, and then first', () => {
  const rules = [rule('h264', 'nvenc', { gpu: true }), rule('h264', 'x264', { priority: 5 })]
  assert.deepEqual(encoder('h264', true, rules, ['nvenc', 'x264']), ['nvenc', 'x264'])
  assert.deepEqual(encoder('h264', false, rules, ['nvenc', 'x264']), ['x264'])
})

test('route() falls back to the encoder that takes everything', () => {
  const rules = [rule('h264', 'first'), rule('*', 'second', { priority: -1 })]
  assert.deepEqual(encoder('av1', false, rules, ['first', 'second']), ['second'])
  assert.deepEqual(encoder('h264', false, rules, ['first', 'second']), ['first', 'second'])
  assert.deepEqual(encoder('h26', false, rules, ['first']), [])
})

test('route() finds publishers by platform and live engines by protocol', () => {
  const youtube = plugin('yt', { platform: 'youtube' }, { type: 'publisher' })
  const restream = plugin('re', { platforms: ['twitch', 'kick'] }, { type: 'publisher' })
  const to = (value: string) => route([], { pillar: 'publisher', value }, [youtube, restream])
  assert.deepEqual([to('youtube'), to('kick'), to('rumble')], [['yt'], ['re'], []])
  const live = plugin('mtx', { protocols: ['rtmp', 'srt'] }, { type: 'live' })
  assert.deepEqual(route([], { pillar: 'live', value: 'srt' }, [live]), ['mtx'])
})

test('route() takes a rule for a family of encoders after one for the very encoder', () => {
  const plugins = ['a', 'b'].map((id) => plugin(id, {}, { type: 'encoder' }))
  const to = (value: string) =>
    route([rule('h264', 'a'), rule('libx264', 'b')], {
      pillar: 'encoder',
      value,
      family: 'h264',
    }, plugins)
  assert.deepEqual([to('libx264'), to('h264_nvenc')], [['b', 'a'], ['a']])
})

test('route() puts the built-in encoder before others of the same rank, and no further', () => {
  const able = { video_codecs: ['libx264'] }
  const encoders = (priority: number) => [
    plugin('a', able, { type: 'encoder', priority }),
    plugin('b', able, { type: 'encoder', isBuiltIn: true }),
  ]
  const to = (priority: number) =>
    route([], { pillar: 'encoder', value: 'libx264' }, encoders(priority))
  assert.deepEqual([to(0), to(1)], [['b', 'a'], ['a', 'b']])
})

test('route() gives http sources only to whom a rule or a manifest names for them', () => {
  const plugins = [plugin('a'), plugin('web', { storage_type: 'http' }, { priority: -1 })]
  const url = 'https://cdn.example/a.mp4'
  assert.deepEqual(storage(url, [rule('*', 'a')], plugins), ['web'])
  assert.deepEqual(storage('s3://b/k', [rule('*', 'a')], plugins), ['a'])
  assert.deepEqual(storage(url, [rule('https://cdn.example/', 'a')], plugins), ['a', 'web'])
  assert.deepEqual(
    storage('https://other.example/', [rule('https://cdn.example/', 'a')], plugins),
    [
      'web',
    ],
  )
})

test('listNamed() lists whom rules name, whether they serve or not', () => {
  const rules = [
    rule('https://', 'a'),
    rule('https://cdn.example/', 'b', { priority: 1 }),
    rule('*', 'c'),
    rule('http', 'a', { priority: -1 }),
  ]
  const named = (value: string) => listNamed(rules, { pillar: 'storage', value })
  assert.deepEqual(named('https://cdn.example/x'), ['b', 'a'])
  assert.deepEqual([named('http://cdn.example/x'), named('gs://x')], [['a'], ['c']])
})
