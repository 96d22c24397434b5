/** What a killed kernel leaves behind: plugins end by themselves, and the next kernel ends the others. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../clock.ts'
import { processIdentity } from '../db/process-identity.ts'
import { silentLog } from '../log.ts'
import { openProcessNotes } from './leftovers.ts'

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leftovers-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('a plugin ends when its kernel is killed, and the next kernel deletes its folder', async (t) => {
  const directory = directoryOf(t)
  const fixture = fileURLToPath(new URL('./kernel.fixture.ts', import.meta.url))
  const isCompiled = import.meta.url.endsWith('.js')
  const args = isCompiled ? [fixture.replace(/\.ts$/, '.js')] : ['run', '-A', '--no-check', fixture]
  const kernel = spawn(process.execPath, [...args, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => kernel.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: kernel.stdout }), 'line') as [string]
  const pid = Number(line)
  assert.ok(isAlive(pid))
  const running = join(directory, 'running')
  const [note = ''] = readdirSync(running)
  const { runDirectory } = JSON.parse(readFileSync(join(running, note), 'utf8')) as {
    runDirectory: string
  }
  assert.ok(existsSync(runDirectory))
  const gone = once(kernel, 'exit')
  kernel.kill('SIGKILL')
  await gone
  await until(() => !isAlive(pid))
  await openProcessNotes(running, silentLog)
  assert.equal(existsSync(runDirectory), false)
})

/** A program in its own group, as a plugin is. */
async function startSleeper(t: TestContext): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
  await once(child, 'spawn')
  t.after(() => child.kill('SIGKILL'))
  return child as ChildProcess & { readonly pid: number }
}

async function deadIdentity() {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const gone = once(child, 'exit')
  const identity = await processIdentity(child.pid ?? 0)
  child.kill('SIGKILL')
  await gone
  return identity
}

test('openProcessNotes() kills what a dead kernel left, and nothing else', async (t) => {
  const [directory, runDirectory] = [directoryOf(t), directoryOf(t)]
  const sleepers = await Promise.all([startSleeper(t), startSleeper(t), startSleeper(t)])
  const [left, running, other] = await Promise.all(sleepers.map(({ pid }) => processIdentity(pid)))
  const [dead, alive] = [await deadIdentity(), await processIdentity()]
  const notes = [
    { process: left, kernel: dead },
    { process: running, kernel: alive },
    // The number of a process that ended is another one's by now.
    { process: { ...other, startedAt: '1' }, kernel: dead },
  ]
  notes.forEach((note, i) =>
    writeFileSync(
      join(directory, `${i}.json`),
      JSON.stringify({ plugin: 'p', runDirectory, ...note }),
    )
  )
  writeFileSync(join(directory, 'torn.json'), '{"plugin": "p", "proc')
  const gone = once(sleepers[0], 'exit')
  await openProcessNotes(directory, silentLog)
  assert.deepEqual(await gone, [null, 'SIGKILL'])
  assert.deepEqual(sleepers.map(({ pid }) => isAlive(pid)), [false, true, true])
  assert.deepEqual(readdirSync(directory), ['1.json'])
})

/** Starts a program that starts another one and ends. @returns the identity of the first, and the number of the second */
async function leaveChild(runDirectory: string) {
  const script = 'sleep 1000 >&- 2>&- & echo $!; read -r line'
  const leader = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], HOME: runDirectory },
  })
  const [line] = await once(createInterface({ input: leader.stdout }), 'line') as [string]
  const identity = await processIdentity(leader.pid ?? 0)
  const gone = once(leader, 'exit')
  leader.stdin.end()
  await gone
  return { identity, child: Number(line) }
}

test('openProcessNotes() kills what a plugin left in its group, by the folder of its start', async (t) => {
  const [directory, mine, foreign] = [directoryOf(t), directoryOf(t), directoryOf(t)]
  const [left, other] = await Promise.all([leaveChild(mine), leaveChild(foreign)])
  t.after(() => process.kill(other.child, 'SIGKILL'))
  const kernel = await deadIdentity()
  for (const { identity, child } of [left, other]) {
    const note = { plugin: 'p', process: identity, kernel, runDirectory: mine }
    writeFileSync(join(directory, `${child}.json`), JSON.stringify(note))
  }
  await openProcessNotes(directory, silentLog)
  await until(() => !isRunning(left.child))
  assert.ok(isRunning(other.child), 'a group whose number another plugin has by now')
})

test('write() notes a process until remove()', async (t) => {
  const directory = directoryOf(t)
  const notes = await openProcessNotes(directory, silentLog)
  await notes.write('p', process.pid, '/nowhere')
  assert.equal(readdirSync(directory).length, 1)
  await notes.remove(process.pid)
  assert.equal(readdirSync(directory).length, 0)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Whether it runs. One that nobody has reaped yet does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await systemClock.sleep(25)
  assert.ok(holds())
}
