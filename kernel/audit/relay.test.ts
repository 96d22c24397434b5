/** Whatever the bus does, it has every event in the end. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { insertAuditEvents } from '../db/audit-events.ts'
import { takeAuditOutbox } from '../db/audit-outbox.ts'
import type { Database } from '../db/database.ts'
import { emptyTables, openTestPglite } from '../db/test-database.ts'
import { createLog } from '../log.ts'
import { systemClock } from '../clock.ts'
import { openNatsBus } from '../bus/nats.ts'
import { eventually, skipWithoutNats, TestNats } from '../bus/test-nats.ts'
import { createAuditRelay } from './relay.ts'

interface Sent {
  readonly subject: string
  readonly id: string | undefined
}

/** No timer fires. */
const stillClock = { ...systemClock, after: () => () => {} }

let db: Database
before(async () => {
  db = await openTestPglite()
})
after(() => db.close())
beforeEach(() => emptyTables(db))

async function insert(...ids: string[]): Promise<void> {
  await insertAuditEvents(
    db,
    ids.map((id) => ({
      id,
      kind: id.startsWith('sys') ? 'system' : 'user_action',
      action: 'job.create',
      actor: { id: null, name: null, role: null },
      clientIp: null,
      resourceType: null,
      resourceId: null,
      outcome: 'allowed',
      correlationId: '',
      detail: {},
    })),
  )
}

/** A bus that is away as long as it is told, and calls back when it has `count` messages. */
function fakeBus(count: number, isAway: () => boolean) {
  const sent: Sent[] = []
  const { promise: all, resolve } = Promise.withResolvers<void>()
  return {
    sent,
    all,
    publish(subject: string, _data: unknown, options: { id?: string } = {}) {
      if (isAway()) return Promise.reject(new Error('no servers'))
      if (sent.push({ subject, id: options.id }) === count) resolve()
      return Promise.resolve()
    },
  }
}

test('the relay publishes each kind on its subject, under its id, and once', async () => {
  const bus = fakeBus(3, () => false)
  const relay = createAuditRelay({ db, bus, clock: stillClock, log: quiet(), limit: 2 })
  await insert('act-1', 'act-2', 'sys-1')
  relay.start()
  await bus.all
  await relay.stop()
  assert.deepEqual(bus.sent.map(({ subject, id }) => `${subject} ${id}`).sort(), [
    'audit.system audit:sys-1',
    'audit.user_action audit:act-1',
    'audit.user_action audit:act-2',
  ])
  assert.deepEqual(await takeAuditOutbox(db, 10, 0), [])
})

test('an event that the bus did not take is counted, said and kept', async () => {
  const lines: string[] = []
  const bus = fakeBus(1, () => true)
  const log = createLog('warn', (line) => lines.push(line))
  const relay = createAuditRelay({ db, bus, clock: stillClock, log })
  await insert('act-1')
  relay.start()
  await relay.stop()
  assert.match(lines.join('\n'), /The bus did not take audit events: no servers/)
  assert.deepEqual(await takeAuditOutbox(db, 10, 0), [], 'it waits before it is tried again')
  const [unsent] = await eventually(async () => {
    const taken = await takeAuditOutbox(db, 10, 0)
    assert.equal(taken.length, 1)
    return taken
  })
  assert.equal(unsent?.attempts, 1)
})

test('a nats-server that is away for a while gets everything', {
  skip: skipWithoutNats,
  timeout: 120_000,
}, async () => {
  const server = await TestNats.start()
  const bus = await openNatsBus({ url: server.url, name: 'test', log: quiet() })
  const relay = createAuditRelay({ db, bus, clock: systemClock, log: quiet(), everyMs: 50 })
  const heard = new Set<string>()
  await bus.subscribe('audit.*', ({ subject, id }) => void heard.add(`${subject} ${id}`))
  try {
    await insert('act-1')
    relay.start()
    await emptied()
    await server.kill()
    await insert('act-2', 'sys-2')
    await server.restart()
    await emptied()
    const all = [
      'audit.system audit:sys-2',
      'audit.user_action audit:act-1',
      'audit.user_action audit:act-2',
    ]
    await eventually(async () => assert.deepEqual([...heard].sort(), all))
  } finally {
    await relay.stop()
    await bus.close()
    await server.stop()
  }
})

function quiet() {
  return createLog('error', () => {})
}

/** Nothing waits for the bus any more. */
async function emptied(): Promise<void> {
  await eventually(async () => {
    const rows = await db.query({ text: 'SELECT id FROM audit_outbox', values: [] })
    assert.deepEqual(rows, [])
  })
}
