/** A benchmark that is ended early leaves nothing behind. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import { systemClock } from '../../kernel/clock.ts'
import { findPostgres, LocalPostgres } from '../cluster/postgres.ts'

const skip = skipWithoutNats ||
  ((await findPostgres()) === undefined && 'needs PostgreSQL: apt-get install postgresql')

/** Command lines of the processes that run. */
function commands(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    } catch {
      return '' // gone meanwhile
    }
  })
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 90_000
  while (!holds()) {
    assert.ok(Date.now() < giveUpAt, what)
    await systemClock.sleep(50)
  }
}

describe('npm run bench:cluster', { skip, timeout: 240_000 }, () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} ends its servers and processes, and deletes its folders`, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'bench-signals-'))
      t.after(() => rmSync(directory, { recursive: true, force: true }))
      const bench = spawn(process.execPath, [resolve('dist/deploy/bench/cluster.js'), 'start'], {
        env: { ...process.env, TMPDIR: directory },
        stdio: 'ignore',
        // A group of its own, as in a terminal, where Ctrl-C reaches the whole of it.
        detached: true,
      })
      const exited = once(bench, 'exit')
      const pid = bench.pid ?? 0
      t.after(() => bench.kill('SIGKILL'))
      const folderOf = (prefix: string) =>
        join(directory, readdirSync(directory).find((name) => name.startsWith(prefix)) ?? 'none')
      const worker = () => join(folderOf('webencode-bench-'), 'worker-1')
      await until('the worker does not start', () => existsSync(worker()))
      const postgres = LocalPostgres.placeOf(join(folderOf('webencode-bench-'), 'postgres'))
      const mine = () =>
        commands().filter((line) => line.includes(postgres) || line.includes(directory))
      assert.ok(existsSync(postgres))
      assert.ok(mine().some((line) => line.includes('postgres')), mine().join('\n'))
      assert.ok(mine().some((line) => line.includes('nats-server')), mine().join('\n'))
      process.kill(signal === 'SIGINT' ? -pid : pid, signal)
      assert.deepEqual(await exited, [null, signal])
      assert.deepEqual(mine(), [])
      assert.equal(existsSync(postgres), false)
      const left = readdirSync(directory).filter((name) => name !== 'node-compile-cache')
      assert.deepEqual(left, [])
    })
  }
})
