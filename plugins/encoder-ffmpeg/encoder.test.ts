/** Tests of the engine: small programs that misbehave, and real FFmpeg. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { EncoderProgress, EncoderRun } from '../../kernel/contract/encoder.ts'
import { silentLog } from '../../kernel/log.ts'
import { detectFfmpeg } from './detect.ts'
import { createFfmpegEncoder } from './encoder.ts'
import { startTimeOf } from './leftovers.ts'
import { startGroup } from './process-group.ts'

const directory = mkdtempSync(join(tmpdir(), 'encoder-ffmpeg-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const ffmpeg = await detectFfmpeg()
const needsFfmpeg = { skip: ffmpeg ? false : 'no ffmpeg in PATH' }

const testRun: EncoderRun = {
  taskId: 'task-1',
  correlationId: 'req-1',
  tool: 'ffmpeg',
  arguments: [],
  inputs: [],
  outputs: [],
  workingDirectory: directory,
  timeoutMs: 20_000,
}

/** An encoder whose ffmpeg is a small shell program. */
function encoderOf(name: string, script: string) {
  const file = join(directory, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return createFfmpegEncoder({ ffmpegPath: file, ffprobePath: file, log: silentLog })
}

/** Forks a child, ignores SIGTERM in both, and says who they are once they run. */
const stubborn = `trap '' TERM
rm -f child.pid
sh -c 'trap "" TERM; echo $$ > child.pid; while :; do sleep 1; done' &
while [ ! -s child.pid ]; do sleep 0.02; done
echo $$ > leader.pid
echo frame=1
echo progress=continue
while :; do sleep 1; done`

/** @returns how long it took until the whole group was gone, in milliseconds */
async function cancelStubborn(): Promise<number> {
  const abort = new AbortController()
  let cancelledAt = 0
  const outcome = await encoderOf('stubborn', stubborn).run(testRun, {
    signal: abort.signal,
    onProgress() {
      cancelledAt = performance.now()
      abort.abort()
    },
  })
  const stoppedMs = performance.now() - cancelledAt
  assert.equal(outcome.status, 'cancelled')
  assert.equal(isRunning('leader.pid'), false)
  assert.equal(isRunning('child.pid'), false)
  return Math.round(stoppedMs)
}

function isRunning(pidFile: string): boolean {
  const pid = Number(readFileSync(join(directory, pidFile), 'utf8'))
  assert.ok(pid > 1)
  try {
    process.kill(pid, 0)
    // A killed child that nobody has waited for yet is dead all the same.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('createFfmpegEncoder()', () => {
  test('answers finished with the progress and the last frame number', async () => {
    const encoder = encoderOf('good', 'echo frame=7; echo progress=end; echo done >&2')
    const seen: EncoderProgress[] = []
    const outcome = await encoder.run({ ...testRun, expected: { frames: 14 } }, {
      onProgress: (progress) => seen.push(progress),
    })
    assert.deepEqual({ ...outcome, wallMs: 0 }, {
      status: 'finished',
      stdout: '',
      stderr: 'done\n',
      wallMs: 0,
      frames: 7,
    })
    assert.deepEqual(seen, [{ fraction: 0.5, frame: 7 }])
  })

  test('answers failed with the exit code', async () => {
    const outcome = await encoderOf('bad', 'echo "[error] no" >&2; exit 3').run(testRun)
    assert.deepEqual({ ...outcome, wallMs: 0 }, {
      status: 'failed',
      stdout: '',
      stderr: '[error] no\n',
      wallMs: 0,
      exitCode: 3,
      signal: null,
    })
  })

  test('answers failed with the signal of a program that was killed', async () => {
    const outcome = await encoderOf('killed', 'kill -KILL $$').run(testRun)
    assert.equal(outcome.status, 'failed')
    assert.equal(outcome.status === 'failed' && outcome.signal, 'SIGKILL')
  })

  test('answers failed when the program does not exist', async () => {
    const encoder = createFfmpegEncoder({ ffmpegPath: '/nowhere/ffmpeg', log: silentLog })
    const outcome = await encoder.run(testRun)
    assert.equal(outcome.status, 'failed')
    assert.match(outcome.stderr, /No such file|ENOENT/)
    await assert.rejects(encoder.getCapabilities(), { code: 'WE-PLG-004' })
  })

  test('kills the whole group within a second when it is cancelled', async () => {
    const times: number[] = []
    // The machine may stall in one try, and not in all.
    while (times.length < 5 && times.every((ms) => ms >= 1000)) times.push(await cancelStubborn())
    assert.ok(Math.min(...times) < 1000, `the group was gone after ${times.join(', ')} ms`)
  })

  test('kills what a program leaves behind when it ends', async () => {
    const script = `sh -c 'echo $$ > orphan.pid; exec sleep 60' &
while [ ! -s orphan.pid ]; do sleep 0.02; done`
    const outcome = await encoderOf('parent', script).run(testRun)
    assert.equal(outcome.status, 'finished')
    assert.equal(isRunning('orphan.pid'), false)
  })

  test('answers timedOut when the time is over', async () => {
    const outcome = await encoderOf('slow', 'sleep 60').run({ ...testRun, timeoutMs: 100 })
    assert.equal(outcome.status, 'timedOut')
    assert.ok(outcome.wallMs < 5000)
  })

  test('keeps the end of a long standard error', async () => {
    const script = 'head -c 2000000 /dev/zero | tr "\\\\0" x >&2; echo last words >&2'
    const { stderr } = await encoderOf('chatty', script).run(testRun)
    assert.equal(stderr.length, 256 * 1024)
    assert.match(stderr, /xlast words\n$/)
  })

  test('stops an ffprobe that prints more than it may', async () => {
    const endless = encoderOf('endless', 'exec yes')
    const outcome = await endless.run({ ...testRun, tool: 'ffprobe', maxOutputBytes: 1000 })
    assert.equal(outcome.status, 'failed')
    assert.equal(outcome.stdout.length, 1000)
    assert.match(outcome.stderr, /printed more/)
  })

  test('close() stops what runs and refuses what comes later', async () => {
    const encoder = encoderOf('closing', 'echo progress=continue; exec sleep 60')
    let closed: Promise<void> | undefined
    const outcome = await encoder.run(testRun, {
      onProgress: () => {
        closed ??= encoder.close()
      },
    })
    await closed
    assert.equal(outcome.status, 'cancelled')
    assert.equal((await encoder.run(testRun)).status, 'cancelled')
  })

  test('kills the groups that a former life noted, and no others', {
    skip: process.platform === 'linux' ? false : 'process start times are read from /proc',
  }, async () => {
    const pidDirectory = join(directory, 'pids')
    const start = () =>
      startGroup({ file: 'sleep', arguments: ['60'] }, {
        directory,
        environment: { PATH: process.env['PATH'] ?? '' },
        onStdout() {},
        onStderr() {},
      })
    createFfmpegEncoder({ log: silentLog, pidDirectory })
    const noted = start()
    const stranger = start()
    const note = (pid = 0, started = startTimeOf(pid)) =>
      writeFileSync(join(pidDirectory, `${pid}.json`), JSON.stringify({ pid, started }))
    note(noted.pid)
    note(stranger.pid, 'another time')
    createFfmpegEncoder({ log: silentLog, pidDirectory })
    assert.equal((await noted.ended).signal, 'SIGKILL')
    assert.ok(startTimeOf(stranger.pid ?? 0) !== undefined)
    stranger.stop()
    assert.equal((await stranger.ended).signal, 'SIGTERM')
    assert.equal(existsSync(join(pidDirectory, `${noted.pid}.json`)), false)
  })
})

describe('createFfmpegEncoder() with FFmpeg', needsFfmpeg, () => {
  const encoder = createFfmpegEncoder({ log: silentLog })
  const probe = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    return encoder.run({ ...testRun, tool: 'ffprobe', arguments: ['-show_format', name] })
  }

  test('encodes and reports frames', async () => {
    const outcome = await encoder.run({
      ...testRun,
      arguments: [
        '-y',
        '-f',
        'lavfi',
        '-i',
        'testsrc=d=1:r=10:s=64x64',
        '-c:v',
        'mjpeg',
        'out.avi',
      ],
    })
    assert.equal(outcome.status, 'finished', outcome.stderr)
    assert.equal(outcome.frames, 10)
  })

  test('refuses a playlist that names a remote file', async () => {
    const outcome = await probe(
      'remote.m3u8',
      '#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n',
    )
    assert.equal(outcome.status, 'failed')
  })

  test('refuses a concat list that names a remote file', async () => {
    const outcome = await probe(
      'remote.ffconcat',
      "ffconcat version 1.0\nfile 'http://127.0.0.1:9/a'\n",
    )
    assert.equal(outcome.status, 'failed')
  })

  test('refuses protocols that reach around the whitelist', async () => {
    writeFileSync(join(directory, 'part'), 'x'.repeat(1000))
    for (
      const url of ['concat:part|part', 'subfile,,start,0,end,9,,:part', 'http://127.0.0.1:9/']
    ) {
      const outcome = await encoder.run({ ...testRun, tool: 'ffprobe', arguments: [url] })
      assert.equal(outcome.status, 'failed')
      assert.match(outcome.stderr, /not on whitelist/, url)
    }
  })

  test('getCapabilities() names the version and the encoders', async () => {
    const found = await encoder.getCapabilities()
    assert.match(found.version, /^\d/)
    assert.ok(found.audioCodecs.includes('aac'))
  })
})
