import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { putStored } from './storage-http.ts'

test('putStored() gives up at once when the file is shorter than it announced', {
  timeout: 10_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'put-'))
  const file = join(directory, 'film.mp4')
  writeFileSync(file, new Uint8Array(1000))
  const server = createServer((request) => request.resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
    rmSync(directory, { recursive: true })
  })
  const { port } = server.address() as AddressInfo
  const sent = putStored(`http://127.0.0.1:${port}/`, {
    headers: {},
    part: { file, start: 0, end: 1999 },
    sizeBytes: 2000,
    signal: new AbortController().signal,
    onSent: () => {},
  })
  await assert.rejects(sent, /film\.mp4 became shorter while it was sent/)
})
