/** A crowd of WebSocket clients, spread over processes of their own. */
import { startChild } from './child.ts'
import type { answers as ClientAnswers, Plan } from './live-clients.ts'

/** Clients of a crowd. */
export const crowdSize = 10_000
/** Processes that they are spread over. */
export const crowdProcesses = 2

/** What a message that never came counts as, in ms. */
const longestMs = 5000
const lookMs = 250

/** Connected clients. */
export interface Crowd {
  connect(plan: Omit<Plan, 'clients'>): Promise<void>
  /** Does what changes the shared job, and waits for an update with `text` in it. @returns how long each client waited, in ms */
  timeUpdate(text: string, change: () => Promise<number>): Promise<number[]>
  /** Changes of the own jobs are counted from here, in ms since the epoch. */
  beginChanges(atMs: number): Promise<void>
  /** @returns how far behind clients were, in ms */
  endChanges(endMs: number): Promise<number[]>
  stop(): Promise<void>
}

/** Starts the processes; nobody is connected yet. */
export function createCrowd(): Crowd {
  const processes = Array.from(
    { length: crowdProcesses },
    () => startChild<typeof ClientAnswers>('live-clients.js'),
  )
  const askAll = async <T>(ask: (process: (typeof processes)[number]) => Promise<T>) =>
    await Promise.all(processes.map(ask))

  async function arrivals(): Promise<number[]> {
    const giveUpMs = Date.now() + longestMs
    for (;;) {
      await new Promise((next) => setTimeout(next, lookMs))
      const found = (await askAll((process) => process.ask('arrivals', undefined))).flat()
      if (found.length >= crowdSize || Date.now() > giveUpMs) return found
    }
  }

  return {
    async connect(plan) {
      await askAll((process) =>
        process.ask('connect', { ...plan, clients: crowdSize / crowdProcesses })
      )
    },
    async timeUpdate(text, change) {
      await askAll((process) => process.ask('expect', text))
      const changedMs = await change()
      const waits = (await arrivals()).map((atMs) => atMs - changedMs)
      return [...waits, ...Array.from({ length: crowdSize - waits.length }, () => longestMs)]
    },
    async beginChanges(atMs) {
      await askAll((process) => process.ask('beginChanges', atMs))
    },
    async endChanges(endMs) {
      return (await askAll((process) => process.ask('endChanges', endMs))).flat()
    },
    async stop() {
      await askAll((process) => process.stop())
    },
  }
}
