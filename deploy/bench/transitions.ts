/** Durable transitions per second: many events to a transaction against one, on PGlite and on PostgreSQL. */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { actorDefinitions } from '../../actors/definitions.ts'
import { busHandlers } from '../../actors/engine/bus-effects.ts'
import { createEngine, type Engine } from '../../actors/engine/engine.ts'
import { createRegistry } from '../../actors/engine/registry.ts'
import { createMemoryBus } from '../../kernel/bus/memory.ts'
import { systemClock } from '../../kernel/clock.ts'
import { createActorStore } from '../../kernel/db/actors.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Database } from '../../kernel/db/database.ts'
import { migrate } from '../../kernel/db/migrate.ts'
import { openPglite } from '../../kernel/db/pglite.ts'
import { openPostgres } from '../../kernel/db/postgres.ts'
import { silentLog } from '../../kernel/log.ts'
import { templatePath } from '../box/paths.ts'
import { createDataDirectory } from '../checks/product.ts'
import { startTestPostgres } from '../checks/test-postgres.ts'
import type { Figure, Section } from './figure.ts'

/** Actors that the events are spread over. */
const actors = 512
const batchSize = 256
const grouped = 20_000
const single = 1_000

export const transitionsSection: Section = {
  name: 'transitions',
  async measure(say) {
    const figures: Figure[] = []
    const directory = createDataDirectory()
    const pglite = await openPglite({ directory, template: templatePath, log: silentLog })
    figures.push(...await compare('PGlite', pglite, 3000, say))
    await rm(directory, { recursive: true, force: true })
    const server = await startTestPostgres()
    if (server === undefined) say('PostgreSQL is not installed: not measured')
    else {
      figures.push(
        ...await compare(
          'PostgreSQL',
          await openPostgres({ url: server.url, log: silentLog }),
          8000,
          say,
        ),
      )
      await server.stop()
    }
    return figures
  },
}

async function compare(
  name: string,
  db: Database,
  goal: number,
  say: (line: string) => void,
): Promise<Figure[]> {
  await migrate(db)
  const store = createActorStore(db)
  const oneLine = { ...store, concurrency: 1 }
  const one = await rateOf(oneLine, { size: 1, events: single })
  const together = await rateOf(oneLine, { size: batchSize, events: grouped })
  const many = store.concurrency === 1
    ? together
    : await rateOf(store, { size: batchSize, events: grouped })
  await db.close()
  const ratio = together / one
  const detail = `in batches of up to ${batchSize}: ${Math.round(many)}/s in ` +
    `${store.concurrency} line(s), ${Math.round(together)}/s in one; one by one ` +
    `${Math.round(one)}/s; ${actors} actors`
  say(`${name}: ${detail}`)
  return [
    {
      name: `transitions, ${name}`,
      value: many,
      unit: '/s',
      goal: `>= ${goal}/s`,
      reached: many >= goal,
      detail,
    },
    {
      name: `group commit gain, ${name}`,
      value: ratio,
      unit: 'x',
      goal: '>= 6x',
      reached: ratio >= 6,
      detail,
    },
  ]
}

/** Events per second that were durable, each sent before the one before it was answered. */
async function rateOf(
  store: ActorStore,
  { size, events }: { readonly size: number; readonly events: number },
): Promise<number> {
  const bus = createMemoryBus({ clock: systemClock, log: silentLog })
  const engine = createEngine({
    store,
    registry: createRegistry(actorDefinitions),
    clock: systemClock,
    log: silentLog,
    handlers: { ...busHandlers(bus), clean: async () => {} },
    batchSize: size,
  })
  const ids = await createActors(engine, `bench-${randomUUID()}`)
  const begun = performance.now()
  await sendAll(engine, ids, events)
  const rate = events / ((performance.now() - begun) / 1000)
  await engine.stop()
  await bus.close()
  return rate
}

async function createActors(engine: Engine, prefix: string): Promise<string[]> {
  const ids = Array.from({ length: actors }, (_, i) => `worker:${prefix}-${i}`)
  await Promise.all(ids.map((id) => engine.create('worker', id, workerInput(id))))
  return ids
}

async function sendAll(engine: Engine, ids: readonly string[], events: number): Promise<void> {
  const sent = Array.from({ length: events }, (_, i) => {
    const id = ids[i % ids.length] ?? ''
    return engine.send(id, eventOf(id, Math.floor(i / ids.length)))
  })
  const outcomes = await Promise.all(sent)
  const wrong = outcomes.filter(({ status }) => status !== 'applied')
  if (wrong.length > 0) {
    throw new Error(`${wrong.length} of ${events} events were not applied: ${wrong[0]?.status}`)
  }
}

/** By turns the worker falls silent, and joins again in a new session, which is announced. */
function eventOf(id: string, turn: number) {
  const session = `session-${turn + (turn % 2)}`
  return turn % 2 === 0
    ? { type: 'silent', session }
    : { type: 'join', ...workerInput(id), session }
}

function workerInput(id: string) {
  return {
    workerId: id.slice('worker:'.length),
    session: 'session-0',
    hostname: 'benchmark',
    version: '0.0.0',
    region: 'local',
    capabilities: {
      slots: 1,
      lanes: ['cpu'],
      cores: 1,
      memoryBytes: 0,
      encoder: 'ffmpeg',
      encoderVersion: '5.1',
      videoCodecs: [],
      audioCodecs: [],
      gpu: 'none',
    },
  }
}
