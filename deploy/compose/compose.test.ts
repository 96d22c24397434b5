/** The compose file speaks of what is there: files, and settings that the product knows. No Docker engine is asked. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { configTable } from '../../kernel/config.ts'

const folder = 'deploy/compose'
const text = readFileSync(join(folder, 'docker-compose.yml'), 'utf8')

test('docker-compose.yml names files that are there', () => {
  assert.ok(existsSync(join(folder, '../nats/nats-server.conf')))
  assert.ok(existsSync('deploy/docker/Dockerfile'))
  assert.match(text, /dockerfile: deploy\/docker\/Dockerfile/)
})

test('docker-compose.yml sets only variables that its services know', () => {
  const table = configTable()
  const ofOthers = /^(POSTGRES_PASSWORD|WEBENCODE_NATS_(KERNEL|WORKER)_PASSWORD)$/
  const names = [...text.matchAll(/^ {6}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name)
  assert.ok(names.length > 8)
  for (const name of names) {
    assert.ok(ofOthers.test(name) || table.includes(`\`${name}\``), name)
  }
})

test('the Dockerfile starts compiled entry points that the build makes', () => {
  const dockerfile = readFileSync('deploy/docker/Dockerfile', 'utf8')
  const files = [...(dockerfile + text).matchAll(/dist\/(deploy\/\w+)\.js/g)].map(([, file]) =>
    file
  )
  for (const file of new Set(files)) assert.ok(existsSync(`${file}.ts`), file)
})
