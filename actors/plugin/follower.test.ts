import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '../../kernel/db/database.ts'
import type { PluginConfig } from '../../kernel/db/plugin-configs.ts'
import { createLog } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { createFollower } from './follower.ts'
import { createFolders } from './folders.ts'
import { usualTiming } from './model.ts'

const unused = () => assert.fail('not asked for')
const db: Database = {
  kind: 'pglite',
  query: unused,
  transaction: unused,
  execute: unused,
  listen: unused,
  close: unused,
}

function wish(id: string): PluginConfig {
  return {
    id,
    pillar: 'storage',
    config: {},
    isEnabled: true,
    priority: 0,
    version: '1.0.0',
    revision: 1,
    configRevision: 1,
    updatedBy: 'admin',
  }
}

test('a plugin whose actor cannot be made does not keep the others from theirs', async () => {
  const created: string[] = []
  const lines: string[] = []
  const engine: Pick<Engine, 'create' | 'send'> = {
    async create(_type, id) {
      if (id.includes('broken')) throw new Error('no such row')
      created.push(id)
      return { status: 'applied', version: 0, value: null }
    },
    send: unused,
  }
  const follow = createFollower({
    engine,
    db,
    folders: createFolders({ directory: '', scan: unused, readFolder: unused, now: Date.now }),
    log: createLog('error', (line) => lines.push(line)),
    kernelId: 'k1',
    timing: usualTiming,
    kick: () => {},
  })
  await follow(new Map(['broken', 'sound'].map((id) => [id, wish(id)])), [])
  assert.deepEqual(created.length, 1)
  assert.match(created[0] ?? '', /sound/)
  assert.match(lines.join(), /cannot follow what is wanted of a plugin.*broken.*no such row/)
})
