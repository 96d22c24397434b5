/** The bus on three nats-servers that are one cluster: each message is kept by all, and any one may die. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { silentLog } from '../log.ts'
import type { NatsBus } from './nats-bus.ts'
import type { OpenNatsBusOptions } from './nats-settings.ts'
import { openNatsBus } from './nats.ts'
import { consumerName } from './subjects.ts'
import { eventually, skipWithoutNats, TestNats } from './test-nats.ts'

const work = 'jobs.dispatch.local.cpu'
const copies = 'jobs.dispatch.local.copy'
/** Three servers on a busy machine may need several rounds to elect a leader. */
const electionMs = 60_000
const rings = Array.from({ length: 100 }, (_, i) => i)

describe('NATS bus on a cluster', { skip: skipWithoutNats, timeout: 480_000 }, () => {
  let servers: TestNats[]
  let opened: NatsBus[] = []
  const open = async (options: Partial<OpenNatsBusOptions> = {}) => {
    const url = servers.map((server) => server.url).join(',')
    const bus = await openNatsBus({
      url,
      name: 'test',
      log: silentLog,
      replicas: 3,
      openTimeoutMs: 60_000,
      ...options,
    })
    opened.push(bus)
    return bus
  }
  before(async () => {
    servers = await TestNats.startCluster(3)
  })
  after(() => Promise.all(servers.map((server) => server.stop())))
  afterEach(async () => {
    await Promise.all(opened.map((bus) => bus.close()))
    opened = []
  })

  test('kill -9 of any one server, one after the other, loses nothing that was published', async () => {
    const bus = await open()
    const worker = await open({ manage: false })
    const got = new Set<unknown>()
    for (const [i, server] of servers.entries()) {
      await Promise.all(rings.map((n) => bus.publish(work, [i, n], { id: `k:${i}:${n}` })))
      await server.kill()
      // The two that are left elect a leader; until then the sender is told that nobody took it, and sends it again.
      await Promise.all(
        rings.map((n) =>
          eventually(() => bus.publish(work, [i, -n], { id: `d:${i}:${n}` }), electionMs)
        ),
      )
      await server.restart()
    }
    const all = Promise.withResolvers<void>()
    await eventually(() =>
      worker.consume(
        { filter: work, name: consumerName(work), concurrency: 8 },
        async ({ data }) => {
          if (got.add(JSON.stringify(data)).size === servers.length * (2 * rings.length - 1)) {
            all.resolve()
          }
        },
      )
    )
    await all.promise
  })

  test('all servers killed at once and started again still hold what was published', async () => {
    const bus = await open()
    await Promise.all(
      rings.map((n) => eventually(() => bus.publish(copies, n, { id: `e:${n}` }), electionMs)),
    )
    await Promise.all(servers.map((server) => server.kill()))
    await Promise.all(servers.map((server) => server.restart()))
    await eventually(
      async () => assert.equal(await bus.backlog(copies), rings.length),
      electionMs,
    )
  })
})
