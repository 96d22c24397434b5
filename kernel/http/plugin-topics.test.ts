import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader } from '../db/database.ts'
import { pluginFamilies } from './plugin-topics.ts'
import { pluginDirectory } from './plugins.fixture.ts'

const families = pluginFamilies(pluginDirectory)
const db = {} as Reader
const read = async (topic: string) => {
  const family = families.find(({ has }) => has(topic))
  return family && (await family.read(db, [topic])).get(topic)
}

test('pluginFamilies() answer the list, a plugin, and its last 50 lines', async () => {
  assert.equal((await read('plugins:list') as unknown[]).length, 2)
  assert.equal((await read('plugin:storage-s3:updates') as { id: string }).id, 'storage-s3')
  const { lines } = await read('plugin:storage-s3:logs') as { lines: { message: string }[] }
  assert.deepEqual([lines.length, lines.at(-1)?.message], [50, 'line 59 of storage-s3'])
})

test('pluginFamilies() never tell a configuration, and know no other topics', async () => {
  for (const topic of ['plugins:list', 'plugin:storage-s3:updates']) {
    assert.doesNotMatch(JSON.stringify(await read(topic)), /secret_key_ref|"config":/)
  }
  assert.equal(await read('plugin:nobody:updates'), undefined)
  assert.equal(await read('plugin:nobody:logs'), undefined)
  for (const topic of ['plugin:storage-s3:config', 'plugin:a b:logs', 'plugin::logs']) {
    assert.equal(families.some(({ has }) => has(topic)), false, topic)
  }
})
