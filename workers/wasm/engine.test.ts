import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { EncoderOutcome, EncoderProgress, EncoderRun } from '../../kernel/contract/encoder.ts'
import { silentLog } from '../../kernel/log.ts'
import { createWasmEncoder } from './engine.ts'

const directory = mkdtempSync(join(tmpdir(), 'webencode-wasm-'))
const clip = join(directory, 'clip.mp4')
const clipFrames = 50
const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1', '-pix_fmt', 'yuv420p']
const endless = [...picture(1_000_000), '-f', 'null', '-']
const encoder = createWasmEncoder({ log: silentLog, threads: 2 })

/** Two seconds of a test picture and a tone. */
before(async () => {
  const outcome = await encode([...picture(2), ...tone(2), ...h264, '-c:a', 'aac', clip], {
    outputs: [clip],
  })
  assert.equal(outcome.status, 'finished', outcome.stderr)
})

after(async () => {
  await encoder.close()
  rmSync(directory, { recursive: true })
})

function picture(seconds: number): string[] {
  return ['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=25:duration=${seconds}`]
}

function tone(seconds: number): string[] {
  return ['-f', 'lavfi', '-i', `sine=duration=${seconds}`]
}

function runOf(changes: Partial<EncoderRun>): EncoderRun {
  return {
    taskId: 'task',
    correlationId: 'test',
    tool: 'ffmpeg',
    arguments: [],
    inputs: [],
    outputs: [],
    workingDirectory: directory,
    timeoutMs: 60_000,
    ...changes,
  }
}

function encode(
  toolArguments: string[],
  changes: Partial<EncoderRun> = {},
): Promise<EncoderOutcome> {
  return encoder.run(runOf({ arguments: toolArguments, ...changes }))
}

function probe(file: string, shows: string[], changes: Partial<EncoderRun> = {}) {
  const toolArguments = ['-of', 'json', ...shows, file]
  return encoder.run(
    runOf({ tool: 'ffprobe', arguments: toolArguments, inputs: [file], ...changes }),
  )
}

async function countPackets(file: string): Promise<{ video: number; audio: number }> {
  const { stdout } = await probe(file, ['-count_packets', '-show_streams'])
  const streams: { codec_type: string; nb_read_packets: string }[] = JSON.parse(stdout).streams
  const count = (type: string) =>
    Number(streams.find((stream) => stream.codec_type === type)?.nb_read_packets ?? 0)
  return { video: count('video'), audio: count('audio') }
}

describe('createWasmEncoder()', () => {
  test('names its codecs, and FFmpeg has them', async () => {
    const { name, version, videoCodecs, audioCodecs } = await encoder.getCapabilities()
    const listed = await encode(['-version'], { maxOutputBytes: 1e6 })
    const encoders = await encode(['-encoders'], { maxOutputBytes: 1e6 })
    assert.equal(name, 'wasm')
    assert.match(listed.stdout, new RegExp(`^ffmpeg version ${version} `))
    for (const codec of [...videoCodecs, ...audioCodecs]) {
      assert.match(encoders.stdout, new RegExp(` ${codec} `))
    }
  })

  test('refuses a number of threads below 1', () => {
    assert.throws(() => createWasmEncoder({ log: silentLog, threads: 0 }), RangeError)
  })

  test('cancels what runs and what waits when it is closed', async () => {
    const own = createWasmEncoder({ log: silentLog, threads: 1 })
    const runs = [1, 2].map(() => own.run(runOf({ arguments: endless })))
    await own.close()
    assert.deepEqual((await Promise.all(runs)).map(({ status }) => status), [
      'cancelled',
      'cancelled',
    ])
    const late = await own.run(runOf({ arguments: endless }))
    assert.equal(late.status, 'cancelled')
  })
})

describe('EncoderEngine.run()', () => {
  test('probes a file', async () => {
    const outcome = await probe(clip, ['-show_format', '-show_streams'])
    assert.equal(outcome.status, 'finished')
    assert.equal(outcome.stderr, '')
    const { format, streams } = JSON.parse(outcome.stdout)
    assert.equal(format.filename, clip)
    assert.deepEqual(streams.map((stream: { codec_name: string }) => stream.codec_name), [
      'h264',
      'aac',
    ])
  })

  test('encodes with progress, and counts the frames', async () => {
    const output = join(directory, 'encoded.mp4')
    const seen: EncoderProgress[] = []
    const run = runOf({
      arguments: [
        '-v',
        'error',
        '-i',
        clip,
        ...h264,
        '-c:a',
        'copy',
        '-movflags',
        '+faststart',
        output,
      ],
      inputs: [clip],
      outputs: [output],
      expected: { frames: clipFrames },
    })
    const outcome = await encoder.run(run, { onProgress: (progress) => seen.push(progress) })
    assert.equal(outcome.status, 'finished', outcome.stderr)
    assert.equal(outcome.frames, clipFrames)
    assert.equal(seen.at(-1)?.fraction, 1)
    assert.ok(outcome.wallMs > 0)
    assert.deepEqual(await countPackets(output), await countPackets(clip))
  })

  test('takes relative paths from the working directory', async () => {
    const toolArguments = ['-i', 'clip.mp4', '-map', '0:a', '-c', 'copy', 'audio.m4a']
    const outcome = await encode(toolArguments, { inputs: ['clip.mp4'], outputs: ['audio.m4a'] })
    assert.equal(outcome.status, 'finished', outcome.stderr)
    assert.ok((await stat(join(directory, 'audio.m4a'))).size > 0)
  })

  test('joins chunks that a list names', async () => {
    const chunks = ['c0.mp4', 'c1.mp4']
    for (const [index, chunk] of chunks.entries()) {
      const trim = ['-vf', `trim=${index}:${index + 1},setpts=PTS-STARTPTS`]
      const toolArguments = ['-i', clip, '-an', ...trim, ...h264, chunk]
      const outcome = await encode(toolArguments, { inputs: [clip], outputs: [chunk] })
      assert.equal(outcome.status, 'finished', outcome.stderr)
    }
    const list = join(directory, 'list.ffconcat')
    await writeFile(list, "ffconcat version 1.0\nfile 'c0.mp4'\nduration 1.0\nfile 'c1.mp4'\n")
    const output = join(directory, 'joined.mp4')
    const toolArguments = ['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', output]
    const outcome = await encode(toolArguments, { inputs: [list, ...chunks], outputs: [output] })
    assert.equal(outcome.status, 'finished', outcome.stderr)
    assert.deepEqual(await countPackets(output), { video: clipFrames, audio: 0 })
  })

  test('reads behind the first 4 GiB of a file, and only what it needs', async () => {
    const big = join(directory, 'big.mp4')
    await writeWithHole(clip, big, 4.5 * 2 ** 30)
    const before = process.memoryUsage().rss
    const outcome = await probe(big, ['-show_format'])
    assert.equal(outcome.status, 'finished', outcome.stderr)
    assert.equal(Number(JSON.parse(outcome.stdout).format.duration), 2)
    assert.ok(process.memoryUsage().rss - before < 2 ** 29)
  })

  test('answers the messages of FFmpeg when the input is garbage', async () => {
    const garbage = join(directory, 'garbage.mp4')
    await writeFile(garbage, 'not a video'.repeat(1000))
    const probed = await probe(garbage, ['-show_format'])
    assert.ok(probed.status === 'failed')
    assert.equal(probed.exitCode, 1)
    assert.match(probed.stderr, /Invalid data found when processing input/)
    const encoded = await encode(['-i', garbage, '-f', 'null', '-'], { inputs: [garbage] })
    assert.ok(encoded.status === 'failed')
    assert.equal(encoded.exitCode, 1)
    assert.match(encoded.stderr, /\[error\] .*Invalid data found when processing input\n$/)
  })

  test('shows FFmpeg no file that was not declared', async () => {
    const hidden = await encode(['-i', clip, '-f', 'null', '-'])
    assert.equal(hidden.status, 'failed')
    assert.match(hidden.stderr, /No such file or directory/)
    const undeclared = await encode(['-i', clip, '-c', 'copy', 'undeclared.mp4'], {
      inputs: [clip],
    })
    assert.equal(undeclared.status, 'failed')
    assert.match(undeclared.stderr, /undeclared.mp4: Permission denied/)
    const written = await encode(['-i', clip, '-c', 'copy', clip], { inputs: [clip] })
    assert.equal(written.status, 'failed')
    assert.equal((await countPackets(clip)).video, clipFrames)
  })

  test('fails for a URL and says what to do', async () => {
    const outcome = await encode(['-i', 'http://127.0.0.1:9/a.mp4', '-f', 'null', '-'], {
      network: true,
    })
    assert.equal(outcome.status, 'failed')
    assert.match(
      outcome.stderr,
      /reads local files only: download http:\/\/127.0.0.1:9\/a.mp4 first/,
    )
  })

  test('fails when standard output is larger than allowed', async () => {
    const outcome = await probe(clip, ['-show_packets'], { maxOutputBytes: 1000 })
    assert.equal(outcome.status, 'failed')
    assert.equal(outcome.stdout.length, 1000)
    assert.match(outcome.stderr, /\[error\] The tool printed more than it was allowed to/)
  })

  test('cancels a run when the signal is aborted', async () => {
    const stop = new AbortController()
    const run = runOf({ arguments: endless })
    const outcome = await encoder.run(run, { signal: stop.signal, onProgress: () => stop.abort() })
    assert.equal(outcome.status, 'cancelled')
    const late = await encoder.run(run, { signal: stop.signal })
    assert.equal(late.status, 'cancelled')
  })

  test('ends a run that spins, when its time is over', async () => {
    // libx265 waits for a thread that this build cannot start.
    const spin = [...picture(1), '-c:v', 'libx265', '-f', 'null', '-']
    const outcome = await encode(spin, { timeoutMs: 2000 })
    assert.equal(outcome.status, 'timedOut')
    assert.ok(outcome.wallMs >= 2000 && outcome.wallMs < 10_000, `${outcome.wallMs} ms`)
  })

  test('survives a trap: the run fails, the next one works', async () => {
    const trap = [...picture(1), '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-f', 'null', '-']
    const outcome = await encode(trap)
    assert.ok(outcome.status === 'failed')
    assert.equal(outcome.exitCode, null)
    assert.match(outcome.stderr, /The WebAssembly encoder broke/)
    assert.equal((await probe(clip, ['-show_format'])).status, 'finished')
  })

  test('says so when a run needs more memory than there is', async () => {
    const huge = ['-f', 'lavfi', '-i', 'nullsrc=size=16000x16000:rate=1:duration=9']
    const outcome = await encode([...huge, ...h264, '-f', 'null', '-'])
    assert.equal(outcome.status, 'failed')
    assert.match(
      outcome.stderr,
      /Cannot allocate memory: the WebAssembly encoder has at most 2 GiB/,
    )
  })

  test('keeps nothing of one run for the next', async () => {
    await probe(clip, ['-show_packets'])
    const { stdout } = await probe(clip, ['-show_format'])
    assert.deepEqual(Object.keys(JSON.parse(stdout)), ['format'])
  })
})

/** `source` with a hole of nothing between its samples and its index, which FFmpeg must read. */
async function writeWithHole(source: string, target: string, holeBytes: number): Promise<void> {
  const bytes = await readFile(source)
  const indexAt = bytes.indexOf('moov') - 4
  const hole = new DataView(new ArrayBuffer(16))
  hole.setUint32(0, 1)
  hole.setUint32(4, 0x66726565)
  hole.setBigUint64(8, BigInt(holeBytes))
  const file = await open(target, 'w')
  await file.write(bytes, 0, indexAt, 0)
  await file.write(new Uint8Array(hole.buffer), 0, 16, indexAt)
  await file.write(bytes, indexAt, bytes.length - indexAt, indexAt + holeBytes)
  await file.close()
}
