/** The KEDA example asks what the API answers. No Kubernetes is asked. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { apiRules } from '../../kernel/http/permissions.ts'
import { configTable } from '../../kernel/config.ts'
import { lanes } from '../../kernel/contract/task.ts'

const text = readFileSync('deploy/k8s/keda-workers.yaml', 'utf8')

test('keda-workers.yaml reads a route that a viewer may call, and names settings and lanes that exist', () => {
  const [, path] = /url: http:\/\/KERNEL_HOST:8080(\S+)/.exec(text) ?? []
  const rule = apiRules.find((one) => one.method === 'GET' && one.path === path)
  assert.equal(rule?.access, 'viewer')
  assert.match(text, /valueLocation: wanted_slots\n/)
  const [, lane] = /lane=="(\w+)"/.exec(text) ?? []
  assert.ok(lanes.some((known) => known === lane))
  assert.ok(configTable().includes('`WEBENCODE_WORKER_SLOTS`'))
})
