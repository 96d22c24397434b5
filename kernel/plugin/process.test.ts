/** Processes of plugins, at the edges: nothing is signalled that is not theirs, and what they write is read at a bounded pace. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../clock.ts'
import { createLogBook } from './log-book.ts'
import { type PluginProcess, startProcess } from './process.ts'
import { signalGroup } from './process-group.ts'

async function startShell(t: TestContext, script: string) {
  const logs = createLogBook(Date.now)
  const command = {
    file: '/bin/sh',
    arguments: ['-c', script],
    environment: { PATH: process.env['PATH'] ?? '' },
    isSandboxed: false,
  }
  const started: PluginProcess = await startProcess('shell', command, '/', logs)
  t.after(() => started.stop(0))
  return { started, logs }
}

test('stop() of a process that ended signals nobody, and answers how it ended', async (t) => {
  const { started } = await startShell(t, 'exit 3')
  const end = { exitCode: 3, signal: null, isExpected: false }
  assert.deepEqual(await started.exited, end)
  const kill = t.mock.method(process, 'kill')
  assert.deepEqual(await started.stop(0), end)
  assert.equal(kill.mock.callCount(), 0)
})

test('stop() kills what does not listen to SIGTERM, with all that it started', async (t) => {
  const { started } = await startShell(t, 'trap "" TERM; sleep 1000 & echo $!; wait; wait')
  const child = Number(await started.firstLine)
  const { signal, isExpected } = await started.stop(100)
  assert.deepEqual([signal, isExpected], ['SIGKILL', true])
  await until(() => !isAlive(child))
})

test('signalGroup() refuses the numbers that mean more than one group', () => {
  for (const pid of [0, 1, -1]) assert.throws(() => signalGroup(pid, 'SIGTERM'), RangeError)
})

test('a process that writes without end is read at a bounded pace', async (t) => {
  const begun = performance.now()
  const { started, logs } = await startShell(t, 'echo handshake; yes | head -c 3000000')
  assert.equal(await started.firstLine, 'handshake')
  await started.exited
  assert.ok(performance.now() - begun > 1500, 'three megabytes take more than a second')
  assert.ok(logs.lines().length <= 500)
})

/** Whether it runs. One that nobody has reaped yet does not. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await systemClock.sleep(25)
  assert.ok(holds())
}
