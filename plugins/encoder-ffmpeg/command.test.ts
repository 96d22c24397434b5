/** Tests of command.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderRun } from '../../kernel/contract/encoder.ts'
import { commandFrom, environmentFrom } from './command.ts'

const paths = { ffmpeg: '/bin/ffmpeg', ffprobe: '/bin/ffprobe' }
const run: EncoderRun = {
  taskId: 't',
  correlationId: 'c',
  tool: 'ffmpeg',
  arguments: ['-y', '-i', 'a.mp4', '-ss', '1', '-i', 'b.m4a', 'out.mp4'],
  inputs: [],
  outputs: [],
  workingDirectory: '.',
  timeoutMs: 1000,
}

test('commandFrom() guards every input of ffmpeg on its own', () => {
  assert.deepEqual(commandFrom(run, paths), {
    file: '/bin/ffmpeg',
    arguments: [
      '-nostdin',
      '-hide_banner',
      '-loglevel',
      'level+warning',
      '-nostats',
      '-progress',
      'pipe:1',
      '-stats_period',
      '0.5',
      '-y',
      '-protocol_whitelist',
      'file,pipe',
      '-i',
      'a.mp4',
      '-ss',
      '1',
      '-protocol_whitelist',
      'file,pipe',
      '-i',
      'b.m4a',
      'out.mp4',
    ],
  })
})

test('commandFrom() lets ffprobe reach the network only when the run asks for it', () => {
  const probe = {
    ...run,
    tool: 'ffprobe',
    arguments: ['-show_format', 'x'],
    network: true,
  } as const
  assert.deepEqual(commandFrom(probe, paths), {
    file: '/bin/ffprobe',
    arguments: [
      '-hide_banner',
      '-loglevel',
      'level+warning',
      '-protocol_whitelist',
      'file,pipe,http,https,tcp,tls',
      '-show_format',
      'x',
    ],
  })
})

test('environmentFrom() hands on nothing that a child does not need', () => {
  assert.deepEqual(environmentFrom({ PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'x', HOME: '/root' }), {
    PATH: '/bin',
    HOME: '/root',
    LC_ALL: 'C',
    AV_LOG_FORCE_NOCOLOR: '1',
    SVT_LOG: '1',
  })
})
