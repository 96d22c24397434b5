/** Thousands of schedules of the real engine in which everything goes wrong, and proof that the checks can fail. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashSteps } from './faults.ts'
import { mutants } from './mutants.ts'
import { simulate, simulateMany } from './simulate.ts'
import { simulateInThreads } from './simulate-in-threads.ts'
import { toyScenario, trustingToyScenario } from './toy.ts'

/** Enough for every step to see a crash; a runtime that is slower may do with fewer. */
const schedules = Number(process.env.WEBENCODE_SIMULATION_SCHEDULES ?? 8000)

const toy = {
  module: new URL(`./toy${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url).href,
  name: 'toyScenario',
}

test(`simulate() finds nothing wrong in ${schedules} schedules, and crashes at every step`, async () => {
  const { failed, crashes } = await simulateInThreads(toy, { firstSeed: 1, schedules })
  assert.equal(failed, undefined, `seed ${failed?.seed}: ${failed?.violations.join('; ')}`)
  if (schedules < 2000) return
  assert.deepEqual(crashSteps.filter((step) => !crashes.has(step)), [])
})

for (const [lack, createStore] of Object.entries(mutants)) {
  test(`simulate() notices a store without ${lack}`, async () => {
    const { failed } = await simulateMany(toyScenario, 1, 2000, createStore)
    assert.ok(failed !== undefined, 'no schedule showed it')
  })
}

test('simulate() notices a machine that believes any lease token', async () => {
  const { failed } = await simulateMany(trustingToyScenario, 1, 2000)
  assert.ok(failed?.violations.some((violation) => violation.includes('stale lease')))
})

test('simulate() gives the same schedule for the same seed', async () => {
  for (const seed of [3, 14, 159]) {
    assert.deepEqual(await simulate(toyScenario, seed), await simulate(toyScenario, seed))
  }
})
