/** The command line as a person uses it: embedded, against a server, and wrongly. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
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

function webencode(args: readonly string[]) {
  return execa(process.execPath, [resolve('dist/deploy/cli.js'), ...args], {
    reject: false,
    timeout: 120_000,
  })
}
