/** `npm run simulate -- --seed N [--schedules M]`: runs the product's actors through seeded schedules full of faults. */
import { parseArgs } from 'node:util'
import { simulateInThreads } from '../actors/engine/simulation/simulate-in-threads.ts'
import { productScenarioModule } from './product-scenario.ts'

const { values } = parseArgs({
  options: {
    /** First seed; each schedule takes the next. */
    seed: { type: 'string', default: '1' },
    schedules: { type: 'string', default: '1000' },
  },
})

const startMs = performance.now()
const { schedules, transitions, crashes, seen, failed } = await simulateInThreads(
  productScenarioModule,
  {
    firstSeed: Number.parseInt(values.seed, 10),
    schedules: Number.parseInt(values.schedules, 10),
  },
)
const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
const deaths = [...crashes.values()].reduce((sum, times) => sum + times, 0)
console.log(`${schedules} schedules, ${transitions} transitions, ${deaths} crashes in ${seconds} s`)
for (const [what, times] of seen) console.log(`${what}: in ${times}`)
if (failed !== undefined) {
  console.error(
    `Seed ${failed.seed} failed; run it again with: npm run simulate -- --seed ${failed.seed} --schedules 1`,
  )
  for (const violation of failed.violations) console.error(`- ${violation}`)
  process.exitCode = 1
}
