/** From the request that creates a job to the start of its first FFmpeg process, on an idle box. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createDataDirectory,
  mediaDirectory,
  startProduct,
  stopProducts,
  submit,
  upload,
  waitForEnd,
} from '../checks/product.ts'
import { percentile, type Section } from './figure.ts'

const jobs = 100
/** The end of a job leaves its traces to be cleaned; after this the box is idle. */
const settleMs = 300

export const latencySection: Section = {
  name: 'latency',
  async measure(say) {
    const directory = createDataDirectory()
    const starts = join(directory, 'starts')
    const ffprobe = writeRecorder(join(directory, 'ffprobe'), 'ffprobe', starts)
    const product = await startProduct({ env: { FFPROBE_PATH: ffprobe } })
    const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
    const waits: number[] = []
    for (let i = 0; i < jobs; i++) {
      await sleep(settleMs)
      writeFileSync(starts, '')
      const sentMs = performance.timeOrigin + performance.now()
      const { id } = await submit(product, { source_url, profile: 'source_copy' })
      await waitForEnd(product, id)
      waits.push(Number(readFileSync(starts, 'utf8').split('\n')[0]) * 1e3 - sentMs)
      if (i % 20 === 19) say(`${i + 1}/${jobs} jobs`)
    }
    await stopProducts()
    const [p50, p99] = [percentile(waits, 0.5), percentile(waits, 0.99)]
    const detail = `${jobs} jobs, one after the other, PGlite, HTTP request included`
    return [
      {
        name: 'submit to FFmpeg start, p50',
        value: p50,
        unit: 'ms',
        goal: '<= 15 ms',
        reached: p50 <= 15,
        detail,
      },
      {
        name: 'submit to FFmpeg start, p99',
        value: p99,
        unit: 'ms',
        goal: '<= 60 ms',
        reached: p99 <= 60,
        detail,
      },
    ]
  },
}

/** A program that notes the time, in seconds, without starting another, and becomes the real one. */
function writeRecorder(path: string, program: string, starts: string): string {
  writeFileSync(path, `#!/bin/bash\necho "$EPOCHREALTIME" >> '${starts}'\nexec ${program} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}
