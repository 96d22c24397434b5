/** Runs the k6 scripts against a product of its own, where k6 is installed: `npm run bench:k6`. */
import { execa } from 'execa'
import { join, resolve } from 'node:path'
import { mediaDirectory, startProduct, stopProducts, upload } from '../../checks/product.ts'
import { endLater, runToItsEnd } from '../../cluster/endings.ts'
import { withPostgres } from '../cluster/postgres.ts'

const scripts = ['submissions.js', 'websockets.js']
/** Longest run of one script. */
const timeoutMs = 300_000

const version = await execa('k6', ['version'], { reject: false, timeout: 10_000 })
if (version.failed) {
  console.log('k6 is not installed. `npm run bench:load` makes the same load with npm alone.')
} else {
  await runToItsEnd(async () => {
    endLater(stopProducts)
    process.exitCode = await withPostgres(runAll)
  })
}

/** @returns the exit code: 0 when every script kept its thresholds */
async function runAll(databaseUrl: string): Promise<number> {
  const env = { DATABASE_URL: databaseUrl, WEBENCODE_WORKER_SLOTS: '1' }
  try {
    const product = await startProduct({ env })
    const source = await upload(product, join(mediaDirectory, 'sample.mp4'))
    let exitCode = 0
    for (const script of scripts) {
      const run = await execa('k6', ['run', resolve('deploy/bench/k6', script)], {
        env: { WEBENCODE_URL: product.url, WEBENCODE_TOKEN: product.token, SOURCE_URL: source },
        stdio: 'inherit',
        reject: false,
        timeout: timeoutMs,
      })
      if (run.failed) exitCode = 1
    }
    return exitCode
  } finally {
    await stopProducts()
  }
}
