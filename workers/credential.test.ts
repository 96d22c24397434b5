/** The file that keeps a worker's credential. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCredentialFile } from './credential.ts'

const directory = mkdtempSync(join(tmpdir(), 'credential-'))
const path = join(directory, 'data', 'credential-w1')
after(() => rmSync(directory, { recursive: true }))

test('createCredentialFile() keeps the newest credential for its owner alone, until it is removed', async () => {
  const file = createCredentialFile(path)
  assert.equal(await file.read(), undefined)
  await file.write('wc_first')
  // What a crash left behind, readable by everybody, does not stand in the way.
  writeFileSync(`${path}.new`, 'half', { mode: 0o644 })
  await file.write('wc_second')
  assert.equal(await file.read(), 'wc_second')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(directory, 'data')), ['credential-w1'])
  await file.remove()
  await file.remove()
  assert.equal(await file.read(), undefined)
})

test('createCredentialFile() takes an empty file for none, and says why it cannot read one', async () => {
  writeFileSync(path, '\n')
  assert.equal(await createCredentialFile(path).read(), undefined)
  await assert.rejects(createCredentialFile(directory).read(), { code: 'EISDIR' })
})
