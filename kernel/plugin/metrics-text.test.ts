/** Tests of what is exposed of the metrics that plugins say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownMetricsFrom } from './metrics-text.ts'

test('ownMetricsFrom() passes what a plugin counts', () => {
  const text = [
    '# HELP webencode_plugin_storage_s3_calls_total Calls that were served',
    '# TYPE webencode_plugin_storage_s3_calls_total counter',
    'webencode_plugin_storage_s3_calls_total{method="Upload",outcome="ok"} 12',
    'webencode_plugin_storage_s3_calls_total{method="say \\"}\\" twice",} 1.5e-7',
    'webencode_plugin_storage_s3_free_bytes +Inf',
    '',
  ].join('\n')
  assert.equal(ownMetricsFrom('storage-s3', text, ['storage-s3', 'other']), text)
})

test('ownMetricsFrom() leaves out what would spoil the whole exposition', () => {
  const wrong = [
    'garbage',
    'webencode_plugin_storage_s3_a',
    'webencode_plugin_storage_s3_a{method="x} 1',
    'webencode_plugin_storage_s3_a one',
    'webencode_plugin_storage_s3_a 1 2 3',
    'webencode_kernel_jobs_total{status="completed"} 99',
    '# TYPE webencode_plugin_storage_s3_a nonsense',
    '# TYPE webencode_kernel_jobs_total counter',
    '# EOF',
  ]
  assert.equal(ownMetricsFrom('storage-s3', wrong.join('\n'), ['storage-s3']), '')
})

test('ownMetricsFrom() lets nothing be said twice, and nobody speak for another', () => {
  const twice = 'webencode_plugin_a_x 1\nwebencode_plugin_a_x 2\nwebencode_plugin_a_b_x 3\n'
  assert.equal(ownMetricsFrom('a', twice, ['a', 'a-b']), 'webencode_plugin_a_x 1\n')
  assert.equal(ownMetricsFrom('a-b', twice, ['a', 'a-b']), 'webencode_plugin_a_b_x 3\n')
  assert.equal(ownMetricsFrom('rpc', 'webencode_plugin_rpc_duration_seconds_sum 1', ['rpc']), '')
})

test('ownMetricsFrom() takes so much and no more', () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `webencode_plugin_a_n${i} 1\n`).join('')
  const taken = ownMetricsFrom('a', text, ['a'])
  assert.ok(taken.length > 200_000 && taken.length <= 262_144, String(taken.length))
  assert.ok(text.startsWith(taken))
})
