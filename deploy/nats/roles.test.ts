/** The example configuration of nats-server, as it is shipped: each role can do its work, and nothing else. */
import assert from 'node:assert/strict'
import { relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Json } from '../../kernel/contract/json.ts'
import type { NatsBus } from '../../kernel/bus/nats-bus.ts'
import { openNatsBus } from '../../kernel/bus/nats.ts'
import { consumerName, dispatchSubject, interruptSubject } from '../../kernel/bus/subjects.ts'
import { rawPublish, sendRaw, skipWithoutNats, TestNats } from '../../kernel/bus/test-nats.ts'
import { silentLog } from '../../kernel/log.ts'

const passwords = { kernel: 'kernel-secret-1', worker: 'worker-secret-1' }
const timeoutMs = 10_000
const filter = dispatchSubject('local', 'cpu')
const name = consumerName(filter)

describe('the roles of nats-server.conf', { skip: skipWithoutNats, timeout: 120_000 }, () => {
  let server: TestNats
  let kernel: NatsBus
  let worker: NatsBus
  const urlOf = (role: keyof typeof passwords) =>
    server.url.replace('ws://', `ws://${role}:${passwords[role]}@`)
  const open = (role: keyof typeof passwords) =>
    openNatsBus({ url: urlOf(role), name: role, log: silentLog, manage: role === 'kernel' })
  before(async () => {
    server = await TestNats.start((directory) => ({
      config: `include "${relative(directory, 'deploy/nats/nats-server.conf')}"`,
      env: {
        WEBENCODE_NATS_KERNEL_PASSWORD: passwords.kernel,
        WEBENCODE_NATS_WORKER_PASSWORD: passwords.worker,
      },
    }))
    kernel = await open('kernel')
    worker = await open('worker')
  })
  after(async () => {
    await worker.close()
    await kernel.close()
    await server.stop()
  })

  test('the worker does its loop: asks, takes doorbells, hears orders', async () => {
    await kernel.respond('kernel.claim', async (data) => ({ claimed: data }))
    const rung = Promise.withResolvers<Json>()
    const ordered = Promise.withResolvers<Json>()
    await worker.consume({ filter, name }, async ({ data }) => {
      rung.resolve(await worker.request('kernel.claim', data, { timeoutMs }))
    })
    await worker.subscribe(interruptSubject('w1'), ({ data }) => ordered.resolve(data))
    await kernel.publish(filter, 'task-1', { id: 'a:1:0' })
    await kernel.publish(interruptSubject('w1'), 'stop')
    assert.deepEqual(await rung.promise, { claimed: 'task-1' })
    assert.equal(await ordered.promise, 'stop')
    await kernel.publish('jobs.events.j1', 1)
    await kernel.publish('audit.system', 1)
    await kernel.publish('live.telemetry.s1', 1)
    assert.equal(await kernel.backlog('jobs.dispatch.>'), 0)
  })

  test('the worker may not announce, ring, or answer for the kernel', async () => {
    for (const subject of ['jobs.events.j1', 'audit.system', filter]) {
      await assert.rejects(worker.publish(subject, 1), { code: 'WE-SYS-003', next: 'stop' })
    }
    for (const subject of ['kernel.claim', 'kernel.consumer']) {
      await assert.rejects(worker.respond(subject, async () => 1), {
        code: 'WE-SYS-003',
        next: 'stop',
      })
    }
    for (const subject of ['jobs.events.*', 'jobs.dispatch.>', '_INBOX_kernel.>', '>']) {
      await assert.rejects(worker.subscribe(subject, () => {}), { next: 'stop' }, subject)
    }
  })

  test('the worker may not order other workers about', async () => {
    const refused = sendRaw(urlOf('worker'), rawPublish(interruptSubject('w2'), '"stop"'))
    await assert.rejects(refused, /Permissions Violation for Publish/)
  })

  test('neither role may purge or delete, and the worker may not make streams and consumers', async () => {
    const deletions = [
      'STREAM.PURGE.WEBENCODE_WORK',
      'STREAM.DELETE.WEBENCODE_WORK',
      `CONSUMER.DELETE.WEBENCODE_WORK.${name}`,
      'STREAM.MSG.DELETE.WEBENCODE_EVENTS',
      'STREAM.SNAPSHOT.WEBENCODE_EVENTS',
    ]
    const creations = [
      'STREAM.CREATE.MINE',
      'STREAM.UPDATE.WEBENCODE_WORK',
      `CONSUMER.CREATE.WEBENCODE_WORK.${name}.${filter}`,
      'CONSUMER.DURABLE.CREATE.WEBENCODE_WORK.mine',
      'STREAM.INFO.WEBENCODE_WORK',
    ]
    const isRefused = (bus: NatsBus, path: string) =>
      assert.rejects(bus.request(`$JS.API.${path}`, {}, { timeoutMs }), { next: 'stop' }, path)
    for (const path of deletions) await isRefused(kernel, path)
    for (const path of [...deletions, ...creations]) await isRefused(worker, path)
  })

  test('nobody comes in without a password', async () => {
    const options = { url: server.url, name: 'stranger', log: silentLog }
    await assert.rejects(openNatsBus(options), { code: 'WE-SYS-003', next: 'stop' })
  })
})
