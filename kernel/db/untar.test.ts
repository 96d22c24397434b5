/** Unpacking: against the system's own tar, and against archives that lie. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { untar } from './untar.ts'

describe('untar()', () => {
  let root = ''
  let target = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'webencode-untar-'))
    target = join(root, 'target')
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  /** Packs files with the system's tar. */
  async function pack(files: Record<string, string>): Promise<string> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(root, 'source', name, '..'), { recursive: true })
      await writeFile(join(root, 'source', name), text)
    }
    await mkdir(join(root, 'source', 'empty'), { recursive: true })
    execFileSync('tar', [
      '--format=ustar',
      '-czf',
      join(root, 'a.tar.gz'),
      '-C',
      join(root, 'source'),
      '.',
    ])
    return join(root, 'a.tar.gz')
  }
  async function packRaw(tar: Buffer): Promise<string> {
    await writeFile(join(root, 'raw.tar.gz'), gzipSync(tar))
    return join(root, 'raw.tar.gz')
  }

  test('gives back files of any size, and empty directories, for the owner only', async () => {
    const long = `${'d'.repeat(80)}/${'e'.repeat(60)}/f`
    const files = {
      empty_file: '',
      a: 'x',
      'b/c': 'y'.repeat(512),
      big: 'z'.repeat(1_000_001),
      [long]: 'deep',
    }
    await untar(await pack(files), target)
    for (const [name, text] of Object.entries(files)) {
      assert.equal(await readFile(join(target, name), 'utf8'), text)
    }
    assert.deepEqual(await readdir(join(target, 'empty')), [])
    assert.equal((await stat(join(target, 'big'))).mode & 0o777, 0o600)
  })

  test('refuses an archive that is cut short', async () => {
    const whole = gunzipSync(await readFile(await pack({ big: 'z'.repeat(100_000) })))
    await assert.rejects(
      untar(await packRaw(whole.subarray(0, 60_000)), target),
      /cut short|ends before/,
    )
    await assert.rejects(untar(await packRaw(whole.subarray(0, 0)), target), /ends before/)
  })

  test('refuses an entry outside the directory', async () => {
    const header = Buffer.alloc(1536)
    header.write('../evil')
    header.write('00000000000', 124)
    await assert.rejects(untar(await packRaw(header), target), TypeError)
  })

  test('refuses what is not gzip, and what is not there', async () => {
    await writeFile(join(root, 'text'), 'hello')
    await assert.rejects(untar(join(root, 'text'), target), { code: 'Z_DATA_ERROR' })
    await assert.rejects(untar(join(root, 'missing'), target), { code: 'ENOENT' })
  })
})
