/** What a worker says it can do, and how busy it is. */
import assert from 'node:assert/strict'
import os from 'node:os'
import { test } from 'node:test'
import type { EncoderCapabilities, EncoderEngine } from '../kernel/contract/encoder.ts'
import { workerCapabilitiesSchema } from '../kernel/contract/worker.ts'
import { memoryLimitBytes, readCapabilities } from './capabilities.ts'
import { createUsageMeter } from './usage.ts'

function encoderWith(gpuType: EncoderCapabilities['gpuType']): EncoderEngine {
  return {
    getCapabilities: () =>
      Promise.resolve({
        name: 'ffmpeg',
        version: '7.1',
        videoCodecs: ['libx264'],
        audioCodecs: ['aac'],
        gpuAccelerated: gpuType !== 'none',
        gpuType,
      }),
    run: () => Promise.reject(new Error('not run')),
    close: () => Promise.resolve(),
  }
}

test('readCapabilities() offers a slot for each core and the lanes of the encoder', async () => {
  const capabilities = await readCapabilities({ encoder: encoderWith('nvidia') })
  assert.deepEqual(workerCapabilitiesSchema.parse(capabilities), capabilities)
  assert.equal(capabilities.slots, os.availableParallelism())
  assert.deepEqual(capabilities.lanes, ['cpu', 'copy', 'probe', 'gpu.nvidia'])
})

test('readCapabilities() takes slots and lanes as told', async () => {
  const options = { encoder: encoderWith('none'), slots: 5, lanes: ['probe'] } as const
  const { slots, lanes } = await readCapabilities(options)
  assert.deepEqual({ slots, lanes }, { slots: 5, lanes: ['probe'] })
})

test('memoryLimitBytes() is no more than the machine has', () => {
  assert.ok(memoryLimitBytes() > 0 && memoryLimitBytes() <= os.totalmem())
})

test('createUsageMeter() tells the share of busy time since the last reading', () => {
  const times = [{ busy: 0, total: 0 }, { busy: 30, total: 40 }, { busy: 30, total: 40 }]
  const read = createUsageMeter(() => times.shift() ?? { busy: 40, total: 140 })
  assert.equal(read().cpuPercent, 75)
  assert.equal(read().cpuPercent, 0)
  const { cpuPercent, memoryBytes } = read()
  assert.equal(cpuPercent, 10)
  assert.ok(memoryBytes > 0)
})
