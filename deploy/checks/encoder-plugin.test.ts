/** FFmpeg behind its plugin process: what a worker sees of it, also when the process dies. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import type { EncoderEngine, EncoderRun } from '../../kernel/contract/encoder.ts'
import type { PluginInstance } from '../../kernel/contract/plugin.ts'
import { silentLog } from '../../kernel/log.ts'
import { openPluginHost, type ProcessPluginHost } from '../../kernel/plugin/host.ts'
import { readManifest } from '../../kernel/plugin/manifest.ts'
import { openEncoderPlugin } from '../../workers/encoder-plugin.ts'
import { pluginsDirectory } from '../box/paths.ts'
import { version } from '../box/version.ts'

/** What the stand-in for FFmpeg does, by its first argument. */
const program = `#!/bin/bash
case "$1 $2 $3 $4 $5 $6 $7" in *print*) head -c 20000000 /dev/zero | tr '\\0' x; echo end;; *)
for argument; do last=$argument; done
case "$last" in
  quick) echo frame=7; echo progress=end; echo done >&2;;
  broken) echo 'no such thing' >&2; exit 3;;
  long) echo $$ > leader.pid; echo frame=1; echo progress=continue; sleep 600 & echo $! > child.pid; wait;;
esac;; esac
`

describe('the encoder plugin', { timeout: 120_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'encoder-plugin-'))
  const started: PluginInstance[] = []
  let host: ProcessPluginHost
  let encoder: EncoderEngine
  before(async () => {
    const file = join(directory, 'tool')
    writeFileSync(file, program)
    chmodSync(file, 0o755)
    host = await openPluginHost({
      directory: pluginsDirectory,
      stateDirectory: join(directory, 'state'),
      kernelVersion: version,
      secrets: { resolve: () => Promise.reject(new Error('none')) },
      log: silentLog,
      startTimeoutMs: 60_000,
    })
    const folder = join(pluginsDirectory, 'encoder-ffmpeg')
    const manifest = await readManifest(folder, version)
    encoder = await openEncoderPlugin({
      host: {
        async start(plugin) {
          const instance = await host.start(plugin)
          started.push(instance)
          return instance
        },
      },
      plugin: {
        folder,
        manifest,
        config: { ffmpeg_path: file, ffprobe_path: file, pid_directory: join(directory, 'pids') },
      },
      clock: systemClock,
      log: silentLog,
    })
  })
  after(async () => {
    await encoder.close()
    await host.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const run = (what: string, facts: Partial<EncoderRun> = {}): EncoderRun => ({
    taskId: 'task-1',
    correlationId: 'req-1',
    tool: 'ffmpeg',
    arguments: [what],
    inputs: [],
    outputs: [],
    workingDirectory: directory,
    timeoutMs: 60_000,
    expected: { frames: 14 },
    ...facts,
  })

  test('answers outcomes, progress and failures as the engine itself does', async () => {
    const fractions: (number | undefined)[] = []
    const onProgress = ({ fraction }: { fraction?: number }) => void fractions.push(fraction)
    const done = await encoder.run(run('quick'), { onProgress })
    assert.deepEqual([done.status, done.frames], ['finished', 7])
    assert.match(done.stderr, /done/)
    const broken = await encoder.run(run('broken'))
    assert.equal(broken.status === 'failed' && broken.exitCode, 3)
    assert.match(broken.stderr, /no such thing/)
    const late = await encoder.run(run('long', { timeoutMs: 300 }))
    assert.equal(late.status, 'timedOut')
  })

  test('hands over an output that is larger than any message', async () => {
    const { stdout } = await encoder.run(run('print', { tool: 'ffprobe' }))
    assert.equal(stdout.length, 20_000_004)
    assert.ok(stdout.endsWith('xend\n'))
  })

  test('a cancelled run is over when all its processes are gone', async () => {
    const cancel = new AbortController()
    const outcome = await encoder.run(run('long'), {
      signal: cancel.signal,
      onProgress: () => cancel.abort(),
    })
    assert.equal(outcome.status, 'cancelled')
    assert.equal(isRunning('leader.pid'), false)
    assert.equal(isRunning('child.pid'), false)
    const never = await encoder.run(run('quick'), { signal: AbortSignal.abort() })
    assert.equal(never.status, 'cancelled')
  })

  test('kill -9 of the plugin ends its runs with a code, and the next run has a new one', async () => {
    const running = encoder.run(run('long'), {
      onProgress: () => process.kill(started.at(-1)!.pid, 'SIGKILL'),
    })
    await assert.rejects(running, { code: 'WE-PLG-004' })
    const { status } = await encoder.run(run('quick'))
    assert.equal(status, 'finished')
    assert.equal(started.length, 2)
    assert.equal(isRunning('leader.pid'), false)
  })

  function isRunning(pidFile: string): boolean {
    const path = `/proc/${readFileSync(join(directory, pidFile), 'utf8').trim()}/stat`
    return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'))
  }
})
