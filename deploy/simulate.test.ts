/** The product's own machines in the simulation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateInThreads } from '../actors/engine/simulation/simulate-in-threads.ts'
import { productScenarioModule } from './product-scenario.ts'

/** With those of the toy machines, ten thousand by default; a slower runtime may do with fewer. */
const schedules = Number(process.env.WEBENCODE_SIMULATION_SCHEDULES ?? 2000)

test(`the product's jobs survive ${schedules} schedules in which everything goes wrong`, async () => {
  const { failed } = await simulateInThreads(productScenarioModule, { firstSeed: 1, schedules })
  assert.equal(
    failed,
    undefined,
    `npm run simulate -- --seed ${failed?.seed} --schedules 1: ${failed?.violations.join('; ')}`,
  )
})
