/** The writer of files: every byte at its place, however the chunks and the writes fall. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { FileWriter } from './file-writer.ts'

const megabyte = 1024 * 1024

async function openFile(t: TestContext): Promise<{ path: string; file: FileHandle }> {
  const directory = mkdtempSync(join(tmpdir(), 'file-writer-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'file')
  return { path, file: await open(path, 'w+') }
}

/** The file, with a write and a sync of one's own. */
function changed(file: FileHandle, changes: Partial<Pick<FileHandle, 'write' | 'datasync'>>) {
  return Object.assign(Object.create(file) as FileHandle, {
    write: file.write.bind(file),
    datasync: file.datasync.bind(file),
    close: file.close.bind(file),
    ...changes,
  })
}

test('FileWriter writes chunks of every size in their order', async (t) => {
  const { path, file } = await openFile(t)
  const writer = new FileWriter(file)
  const chunks = [0, 1, megabyte - 1, 3 * megabyte, 0, 65_536, 7].map((size) => randomBytes(size))
  for (const chunk of chunks) await writer.add(chunk)
  await writer.finish()
  await writer.close()
  assert.ok(readFileSync(path).equals(Buffer.concat(chunks)))
})

test('FileWriter begins where it is told to, and keeps what is before', async (t) => {
  const { path, file } = await openFile(t)
  await file.write('abcdef')
  const writer = new FileWriter(file, 4)
  await writer.add(Buffer.from('12'))
  await writer.add(Buffer.from('3'))
  await writer.flush()
  assert.equal(readFileSync(path, 'utf8'), 'abcd123')
  await writer.close()
})

test('FileWriter goes on after a write that took less than it was given', async (t) => {
  const { path, file } = await openFile(t)
  const bytes = randomBytes(2000)
  const write = (buffer: Uint8Array, offset: number, length: number, position: number) =>
    file.write(buffer, offset, Math.min(length, 300), position)
  const writer = new FileWriter(changed(file, { write: write as FileHandle['write'] }))
  for (let at = 0; at < bytes.length; at += 250) await writer.add(bytes.subarray(at, at + 250))
  await writer.finish()
  await writer.close()
  assert.ok(readFileSync(path).equals(bytes))
})

test('FileWriter tells of a failed write, and closes the file after it', async (t) => {
  const { file } = await openFile(t)
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  const writer = new FileWriter(changed(file, { write: () => Promise.reject(full) }))
  await writer.add(randomBytes(2 * megabyte))
  await assert.rejects(writer.add(randomBytes(2 * megabyte)), full)
  await writer.close()
  assert.equal(file.fd, -1)
})

test('FileWriter tells of a sync that failed while it went on writing', async (t) => {
  const { file } = await openFile(t)
  const broken = new Error('the disk is gone')
  let syncs = 0
  const datasync = () => syncs++ === 0 ? Promise.reject(broken) : file.datasync()
  const writer = new FileWriter(changed(file, { datasync }))
  const chunk = randomBytes(16 * megabyte)
  for (let i = 0; i < 5; i++) await writer.add(chunk)
  await assert.rejects(writer.finish(), broken)
  assert.ok(syncs > 0)
  await writer.close()
})
