/** Encoder plugins as an admin routes and configures them: real jobs, in the box and on a worker behind NATS. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import {
  skipWithoutOpenBao,
  startTestOpenBao,
  type TestOpenBao,
} from '../../kernel/plugin/secrets/test-openbao.ts'
import { Cluster } from '../cluster/cluster.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { EncoderAdmin } from './encoder-admin.ts'
import { writeMarkingEncoder } from './marking-encoder.fixture.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { createDataDirectory, mediaDirectory, startProduct, stopProducts } from './product.ts'

const skip = await skipWithoutFfmpeg()
const skipCluster = skip || skipWithoutNats ||
  (await findPostgres() === undefined ? 'needs PostgreSQL' : false)
const id = 'encoder-second'

describe('encoder plugins in a box', { skip, timeout: 300_000 }, () => {
  let admin: EncoderAdmin
  before(async () => {
    const plugins = createDataDirectory()
    writeMarkingEncoder(plugins, id)
    const env = { PLUGIN_DIR: plugins, WEBENCODE_MEDIA_ROOTS: mediaDirectory }
    const product = await startProduct({ env })
    admin = new EncoderAdmin(id, product.fetch, join(createDataDirectory(), 'marks'))
  })
  after(stopProducts)

  test('one that is not enabled is not used, whatever the rules say', async () => {
    await admin.configure({ label: 'one' })
    await admin.route({ [id]: 5 })
    assert.deepEqual(await admin.noted(), [])
  })

  test('the next job follows its being enabled, its configuration and its secret', async () => {
    await admin.switch(id, 'enable')
    assert.deepEqual(await admin.noted(), ['one libx264'])
    await admin.configure({ label: 'two' })
    assert.deepEqual(await admin.noted(), ['two libx264'])
    await admin.send('PUT', '/v1/secrets/encoder%2Flabel', { value: 'three' })
    await admin.configure({ label_ref: 'encoder/label' })
    assert.deepEqual(await admin.noted(), ['three libx264'])
  })

  test('the next job follows the priorities of the rules', async () => {
    await admin.route({ [id]: 1, 'encoder-ffmpeg': 2 })
    assert.deepEqual(await admin.noted(), [])
    await admin.route({ [id]: 2, 'encoder-ffmpeg': 1 })
    assert.deepEqual(await admin.noted(), ['three libx264'])
    await admin.route({})
    assert.deepEqual(await admin.noted(), [], 'of the same rank, the built-in one is first')
  })

  test('a job waits and says why while nothing that it needs is enabled, and goes on when it is', async () => {
    await admin.switch('encoder-ffmpeg', 'disable')
    const job = await admin.submit()
    const { waiting_reason } = await admin.until(job, (view) => view.waiting_reason !== null)
    assert.match(waiting_reason ?? '', /^encoder-ffmpeg is disabled, and no worker/)
    await admin.switch('encoder-ffmpeg', 'enable')
    const { status, waiting_reason: later } = await admin.ended(job)
    assert.deepEqual([status, later], ['completed', null])
    const attempts = (await admin.tasks(job)).map(({ attempt_count }) => attempt_count)
    assert.deepEqual([...new Set(attempts)], [1])
  })
})

describe('encoder plugins on a worker behind NATS', { skip: skipCluster, timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-encoders-'))
  const [ofKernel, ofWorker] = [join(directory, 'kernel-plugins'), join(directory, 'plugins')]
  let cluster: Cluster | undefined
  let openbao: TestOpenBao | undefined
  let admin: EncoderAdmin
  before(async () => {
    for (const folder of [ofKernel, ofWorker]) {
      mkdirSync(folder)
      writeMarkingEncoder(folder, id)
    }
    writeMarkingEncoder(ofKernel, 'encoder-elsewhere')
    openbao = skipWithoutOpenBao ? undefined : await startTestOpenBao()
    const started = await Cluster.start({
      directory,
      kernels: 1,
      workers: 1,
      adminToken: 'we_encoders_admin_token_0123456789',
      joinToken: 'we_encoders_join_token_0123456789',
      env: {
        LOG_LEVEL: 'warn',
        WEBENCODE_MEDIA_ROOTS: mediaDirectory,
        ...openbao && { OPENBAO_ADDR: openbao.address, OPENBAO_TOKEN: openbao.rootToken },
      },
      envOf: (name) => ({ PLUGIN_DIR: name.startsWith('kernel') ? ofKernel : ofWorker }),
    })
    cluster = started
    admin = new EncoderAdmin(
      id,
      (path, init) => started.fetch(path, init),
      join(directory, 'marks'),
    )
  })
  after(async () => {
    await cluster?.stop()
    await cluster?.postgres.remove()
    await openbao?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  test('the next job follows what the admin wants at the kernel', async () => {
    await admin.configure({ label: 'one' })
    assert.deepEqual(await admin.noted(), [], 'it is not enabled')
    await admin.switch(id, 'enable')
    await admin.route({ [id]: 1, 'encoder-ffmpeg': 0 })
    assert.deepEqual(await admin.noted(), ['one libx264'])
    await admin.configure({ label: 'two' })
    assert.deepEqual(await admin.noted(), ['two libx264'])
    await admin.route({ [id]: 0, 'encoder-ffmpeg': 1 })
    assert.deepEqual(await admin.noted(), [])
  })

  test('the worker itself asks OpenBao for a secret', { skip: skipWithoutOpenBao }, async () => {
    await admin.send('PUT', '/v1/secrets/secret%2Fencoder%2Flabel', { value: 'sealed' })
    await admin.configure({ label_ref: 'secret/encoder/label' })
    await admin.route({ [id]: 1, 'encoder-ffmpeg': 0 })
    assert.deepEqual(await admin.noted(), ['sealed libx264'])
    await admin.configure({ label: 'two' })
  })

  test('one that the worker has not, or that it cannot start, is passed over', async () => {
    const config = { marks: join(directory, 'elsewhere') }
    await admin.send('PUT', '/v1/plugins/encoder-elsewhere/config', { config })
    await admin.switch('encoder-elsewhere', 'enable')
    await admin.route({ 'encoder-elsewhere': 2, [id]: 1, 'encoder-ffmpeg': 0 })
    assert.deepEqual(await admin.noted(), ['two libx264'])
    await admin.configure({ label_ref: 'a/secret/that/this/worker/has/not' })
    assert.deepEqual(await admin.noted(), [])
    assert.equal(existsSync(config.marks), false)
  })
})
