/** Tests of what a plugin counts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPluginMetrics } from './plugin-metrics.ts'

test('count() and set() refuse the series after the thousandth, served() goes on', () => {
  const metrics = createPluginMetrics('storage-s3')
  for (let i = 0; i < 1000; i++) metrics.set(`n${i}`, i)
  assert.throws(() => metrics.count('one_more'), RangeError)
  metrics.set('n7', 8)
  metrics.served('Browse', 500, true)
  metrics.served('Browse', 500, false)
  const lines = metrics.text().split('\n')
  for (
    const line of [
      'webencode_plugin_storage_s3_n7 8',
      'webencode_plugin_storage_s3_calls_total{method="Browse",outcome="ok"} 1',
      'webencode_plugin_storage_s3_calls_total{method="Browse",outcome="failed"} 1',
      'webencode_plugin_storage_s3_call_seconds_total{method="Browse"} 1',
    ]
  ) assert.ok(lines.includes(line), line)
})

test('count() refuses what is no name of a metric', () => {
  const metrics = createPluginMetrics('a')
  for (const name of ['', 'Upper', 'a b', 'a{b="c"}']) {
    assert.throws(() => metrics.count(name), RangeError, name)
  }
})
