/** From the request that creates a job to the start of its first FFmpeg process, on an idle box. */
import { join } from 'node:path'
import {
  createDataDirectory,
  mediaDirectory,
  startProduct,
  stopProducts,
  submit,
  upload,
  waitForEnd,
} from '../checks/product.ts'
import { programStartMs } from './floors.ts'
import { latencyFigures, type Section } from './figure.ts'
import { StartRecorder } from './start-recorder.ts'

/** Enough that the 99th percentile is not the longest wait of all, which is that of the first job: everything is cold then. */
const jobs = 300

export const latencySection: Section = {
  name: 'latency',
  async measure(say) {
    const recorder = new StartRecorder(createDataDirectory(), 'ffprobe')
    const programMs = await programStartMs(recorder)
    const product = await startProduct({ env: { FFPROBE_PATH: recorder.program } })
    const source_url = await upload(product, join(mediaDirectory, 'sample.mp4'))
    const waits = await recorder.time(jobs, say, async () => {
      const { id } = await submit(product, { source_url, profile: 'source_copy' })
      return async () => void (await waitForEnd(product, id))
    })
    await stopProducts()
    const detail = `${jobs} jobs, one after the other, PGlite, HTTP request included; ` +
      `the start of the program alone takes ${programMs.toFixed(1)} ms`
    return latencyFigures('submit to FFmpeg start', waits, { p50: 15, p99: 60, detail })
  },
}
