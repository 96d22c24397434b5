/** The test command: finds or installs what the tests need, starts PostgreSQL, runs every check on Node and on Deno, and counts. */
import { execa } from 'execa'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runToItsEnd } from '../cluster/endings.ts'
import { ensureRequirements } from './requirements.ts'
import { startTestPostgres } from './test-postgres.ts'

interface Count {
  passed: number
  failed: number
  skipped: number
}

const say = (line: string) => console.log(line)
const only = process.argv.slice(2)
const rooms = ['kernel', 'actors', 'workers', 'plugins', 'ui', 'deploy']
/** Checks of the Node distribution itself, or of a whole product already checked on Node: too slow to run twice. */
const nodeOnly = /^deploy\/checks\/(?!rooms)/

/** Node has run all schedules; here they show that the runtime makes no difference. */
const denoSchedules = '500'

await runToItsEnd(async () => void (process.exitCode = await main()))

async function main(): Promise<number> {
  const missing = await ensureRequirements(say)
  for (const name of missing) {
    say(`Missing: ${name}. The tests that need it are skipped; they say so.`)
  }
  const postgres = await startTestPostgres()
  const env = postgres === undefined ? {} : { WEBENCODE_TEST_DATABASE_URL: postgres.url }
  try {
    const steps = only.length > 0
      ? [() => runNode(env)]
      : [() => runTools(), () => runNode(env), () => runDeno(env)]
    const total: Count = { passed: 0, failed: 0, skipped: 0 }
    for (const step of steps) {
      const count = await step()
      for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += count[key]
    }
    say(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
    return total.failed === 0 ? 0 : 1
  } finally {
    await postgres?.stop()
  }
}

async function runTools(): Promise<Count> {
  const count: Count = { passed: 0, failed: 0, skipped: 0 }
  const tools: [string, string[]][] = [
    ['deno', ['fmt', '--check', '--quiet']],
    ['oxlint', ['--type-aware', '--quiet']],
    ['deno', ['check', '--quiet', ...rooms.map((room) => `${room}/`)]],
  ]
  for (const [program, args] of tools) {
    say(`\n== ${program} ${args.join(' ')}`)
    const { failed } = await execa(program, args, {
      stdio: 'inherit',
      reject: false,
      preferLocal: true,
      timeout: 300_000,
    })
    count[failed ? 'failed' : 'passed']++
  }
  return count
}

async function runNode(env: Record<string, string>): Promise<Count> {
  say('\n== Node, compiled sources')
  const files = only.length > 0 ? only : testFiles('dist', /\.test\.js$/)
  const { stdout } = await execa(
    process.execPath,
    ['--test', '--test-concurrency=2', '--test-timeout=600000', '--test-reporter=spec', ...files],
    {
      env,
      stdout: ['inherit', 'pipe'],
      stderr: 'inherit',
      reject: false,
      timeout: 1_500_000,
      maxBuffer: 100_000_000,
    },
  )
  const number = (name: string) =>
    Number(new RegExp(`^ℹ ${name} (\\d+)`, 'm').exec(stdout)?.[1] ?? Number.NaN)
  const count = {
    passed: number('pass'),
    failed: number('fail') + number('cancelled'),
    skipped: number('skipped'),
  }
  return Number.isNaN(count.failed) ? { passed: 0, failed: 1, skipped: 0 } : count
}

async function runDeno(env: Record<string, string>): Promise<Count> {
  say('\n== Deno, sources')
  const files = testFiles('.', /\.test\.tsx?$/).filter((file) => !nodeOnly.test(file))
  const { stdout, failed } = await execa('deno', ['test', '-A', '--no-check', ...files], {
    env: { ...env, NO_COLOR: '1', WEBENCODE_SIMULATION_SCHEDULES: denoSchedules },
    stdout: ['inherit', 'pipe'],
    stderr: 'inherit',
    reject: false,
    preferLocal: true,
    timeout: 1_200_000,
    maxBuffer: 100_000_000,
  })
  const summary =
    /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?/
      .exec(stdout)
  if (summary === null) return { passed: 0, failed: 1, skipped: 0 }
  const [, passed, wrong, skipped] = summary.map(Number)
  return {
    passed: passed ?? 0,
    failed: Math.max(wrong ?? 0, failed ? 1 : 0),
    skipped: skipped ?? 0,
  }
}

function testFiles(base: string, pattern: RegExp): string[] {
  return rooms
    .flatMap((room) =>
      readdirSync(join(base, room), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(base, room, name)
      )
    )
    .filter((path) => pattern.test(path))
    .sort()
}
