/** The product's own machines in the simulation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateInThreads } from '../actors/engine/simulation/simulate-in-threads.ts'
import { simulateMany } from '../actors/engine/simulation/simulate.ts'
import { credulousScenario, productScenarioModule } from './product-scenario.ts'

/** With those of the toy machines, ten thousand by default; a slower runtime may do with fewer. */
const schedules = Number(process.env.WEBENCODE_SIMULATION_SCHEDULES ?? 2000)

/** What must have become of hedges somewhere, for the rules about them to mean anything. */
const hedgeFates = [
  'won after finish',
  'lost after fail',
  'lost after release',
  'lost after leaseExpired',
  'withdrawn after withdraw',
  'withdrawn after jobEnded',
  'a straggler waited for its hedge',
]

test(`the product's jobs survive ${schedules} schedules in which everything goes wrong`, async () => {
  const { failed, seen } = await simulateInThreads(productScenarioModule, {
    firstSeed: 1,
    schedules,
  })
  assert.equal(
    failed,
    undefined,
    `npm run simulate -- --seed ${failed?.seed} --schedules 1: ${failed?.violations.join('; ')}`,
  )
  if (schedules < 1000) return
  assert.deepEqual(hedgeFates.filter((fate) => !seen.has(fate)), [])
})

test('simulate() notices a chunk that takes the result of its hedge although it has one', async () => {
  const { failed } = await simulateMany(credulousScenario, 1, 1000)
  assert.ok(failed?.violations.some((violation) => violation.includes('2 results')))
})
