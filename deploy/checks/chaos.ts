/** `npm run chaos [-- --minutes N] [--seed N] [--only NAME]`: breaks everything during real encodes; the last line is a summary in JSON. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runToItsEnd } from '../cluster/endings.ts'
import { runChaos } from './chaos/round.ts'
import { mediaDirectory } from './product.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', multiple: true },
  },
})
const directory = mkdtempSync(join(tmpdir(), 'webencode-chaos-'))
const seed = Number(values.seed)
console.log(`seed ${seed}`)
await runToItsEnd(chaos)

async function chaos(): Promise<void> {
  try {
    const summary = await runChaos({
      directory,
      mediaRoot: mediaDirectory,
      seed,
      minutes: Number(values.minutes),
      ...(values.only !== undefined && { only: values.only }),
      say: (line) => console.log(line),
    })
    process.exitCode = summary.violations.length === 0 ? 0 : 1
    if (process.exitCode === 0) rmSync(directory, { recursive: true, force: true })
    else console.log(`Kept for a look: ${directory}; again with --seed ${seed}`)
    console.log(JSON.stringify(summary))
  } catch (failure) {
    console.error(failure)
    process.exitCode = 1
  }
}
