/** A short round of the chaos: the four kills, each in the middle of a real encode. `npm run chaos` has all faults. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { runChaos } from './chaos/round.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory } from './product.ts'

const skip = await skipWithoutFfmpeg() ||
  skipWithoutNats ||
  (await findPostgres() === undefined ? 'needs PostgreSQL: apt-get install postgresql' : false)

const kills = [
  'kill -9 a worker',
  'kill -9 a kernel',
  'kill -9 nats-server',
  'kill -9 PostgreSQL',
  'cut the connection during COMMIT',
]

test('jobs survive the kill of anything, and nothing is done twice', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-chaos-'))
  const said: string[] = []
  try {
    const summary = await runChaos({
      directory,
      mediaRoot: mediaDirectory,
      seed: 1,
      minutes: 0,
      only: kills,
      say: (line) => said.push(line),
    })
    assert.deepEqual(summary.violations, [], said.join('\n'))
    assert.equal(summary.completed, kills.length)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
