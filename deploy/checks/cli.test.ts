/** The command line as a person uses it: embedded, against a server, and wrongly. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import type { WorkerView } from '../../kernel/contract/job.ts'
import type { EncodeResult } from '../cli/encode.ts'
import { probeFile, skipWithoutFfmpeg } from './probe-file.ts'
import { createDataDirectory, mediaDirectory, startProduct, stopProducts } from './product.ts'

const skip = await skipWithoutFfmpeg()
const sample = join(mediaDirectory, 'sample.mp4')

after(stopProducts)

test(
  'encode FILE runs the whole product for one file, and leaves only the output',
  { skip },
  async () => {
    const out = createDataDirectory()
    const { exitCode, stdout, stderr } = await webencode([
      'encode',
      sample,
      '--profile',
      '480p_fast',
      '--out',
      out,
      '--json',
    ])
    assert.equal(exitCode, 0, stderr)
    assert.match(stderr, /\[#+-*\]/, 'a progress bar')
    const { job, files } = JSON.parse(stdout) as EncodeResult
    assert.equal(job.status, 'completed')
    assert.equal((await probeFile(files[0]?.path ?? '')).videoFrames, 30)
    assert.equal(readdirSync(out).length, 1)
  },
)

test('encode --server gives the file to a server and fetches the output', { skip }, async () => {
  const product = await startProduct()
  const out = createDataDirectory()
  const { exitCode, stderr } = await webencode(
    [
      'encode',
      sample,
      '--profile',
      'source_copy',
      '--out',
      out,
      '--server',
      product.url,
      '--token',
      product.token,
    ],
  )
  assert.equal(exitCode, 0, stderr)
  assert.equal(readdirSync(out).length, 1)
  await product.stop()
})

test('encode ends with 1 and the sentence when the source is broken', { skip }, async () => {
  const out = createDataDirectory()
  const broken = join(createDataDirectory(), 'broken.mp4')
  writeFileSync(broken, 'not a video')
  const { exitCode, stderr } = await webencode(['encode', broken, '--out', out])
  assert.equal(exitCode, 1)
  assert.match(stderr, /failed: WE-JOB-007 \w+/)
  assert.deepEqual(readdirSync(out), [])
})

test('wrong words end with 2 and the usage; a missing file and a wrong token end with 1', async () => {
  for (
    const args of [[], ['no-such'], ['encode'], ['encode', sample], ['encode', sample, '--out']]
  ) {
    const { exitCode, stderr } = await webencode(args)
    assert.equal(exitCode, 2, args.join(' '))
    assert.match(stderr, /webencode encode FILE/)
  }
  const missing = await webencode(['encode', '/no/such/file.mp4', '--out', createDataDirectory()])
  assert.equal(missing.exitCode, 1)
  assert.match(missing.stderr, /WE-JOB-002/)
  const product = await startProduct()
  const refused = await webencode(
    ['encode', sample, '--out', createDataDirectory(), '--server', product.url, '--token', 'wrong'],
  )
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, /WE-AUTH-001/)
  await product.stop()
})

test('worker: list, drain, undrain, restart, token, remove', { skip }, async () => {
  const product = await startProduct()
  const target = ['--server', product.url, '--token', product.token]
  const run = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await webencode(['worker', ...args, ...target])
    assert.equal(exitCode, 0, stderr)
    return stdout
  }
  const list = async () => JSON.parse(await run('list', '--json')) as WorkerView[]
  const waitFor = async (holds: (worker: WorkerView | undefined) => boolean) => {
    const deadline = Date.now() + 30_000
    for (let worker = (await list())[0];; worker = (await list())[0]) {
      if (holds(worker)) return worker
      assert.ok(Date.now() < deadline, JSON.stringify(worker))
    }
  }
  const first = await waitFor((worker) => worker?.status === 'healthy')
  assert.match(await run('list'), /^ID .*\nlocal +healthy/)
  assert.equal(await run('drain', 'local'), 'local  draining')
  assert.equal((JSON.parse(await run('drain', 'local', '--json')) as WorkerView).command, 'drain')
  assert.equal(await run('undrain', 'local'), 'local  healthy')
  assert.equal(await run('restart', 'local'), 'local  restarting')
  await waitFor((worker) =>
    worker?.status === 'healthy' && worker.session_started_at !== first?.session_started_at
  )
  assert.match(await run('token', '--expires', '60'), /^wj_[\w-]{43}$/)
  assert.equal(await run('remove', 'local'), 'local  removed')
  await waitFor((worker) => worker === undefined)
  const unknown = await webencode(['worker', 'drain', 'local', ...target])
  assert.equal(unknown.exitCode, 1)
  assert.match(unknown.stderr, /WE-WRK-001/)
  const wrong = [['worker'], ['worker', 'drain'], ['worker', 'explode', 'w1']]
  for (const args of wrong) assert.equal((await webencode(args)).exitCode, 2, args.join(' '))
  await product.stop()
})

function webencode(args: readonly string[]) {
  return execa(process.execPath, [resolve('dist/deploy/cli.js'), ...args], {
    reject: false,
    timeout: 120_000,
  })
}
