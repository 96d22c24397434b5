/** The audit of a real product: whoever was told that it was done finds the row, whatever happens next. */
import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { AuditEventView } from '../../kernel/contract/audit.ts'
import { mediaDirectory, type Product, startProduct, stopProducts, upload } from './product.ts'

after(stopProducts)

test('kill -9 among a thousand submissions: every 201 has its row', async () => {
  const first = await startProduct({ env: { WEBENCODE_WORKER_SLOTS: '1' } })
  const source_url = await upload(first, join(mediaDirectory, 'sample.mp4'))
  const accepted = new Set<string>()
  let killing: Promise<void> | undefined
  const client = async () => {
    while (killing === undefined) {
      const id = await tryToSubmit(first, source_url)
      if (id !== undefined) accepted.add(id)
      if (accepted.size >= 1000) killing ??= first.kill()
    }
  }
  await Promise.all(Array.from({ length: 50 }, client))
  await killing
  const second = await startProduct({
    dataDirectory: first.dataDirectory,
    env: { WEBENCODE_WORKER_SLOTS: '1' },
  })
  const audited = new Set(
    (await listEvents(second, 'action=job.create')).map((event) => event.resource_id),
  )
  assert.ok(accepted.size >= 1000)
  assert.deepEqual([...accepted].filter((id) => !audited.has(id)), [])
  await second.stop()
})

test('a secret that was set and used is in no file and no log, but sealed', async () => {
  const planted = 'planted-secret-71b3f0'
  const product = await startProduct({ env: { LOG_LEVEL: 'debug' } })
  const path = `/v1/secrets/${encodeURIComponent('secret/webencode/s3/secret_key')}`
  const init = {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ value: planted }),
  }
  assert.equal((await product.fetch(path, init)).status, 204)
  assert.match(
    await (await product.fetch('/v1/secrets')).text(),
    /secret\/webencode\/s3\/secret_key/,
  )
  const [event] = await listEvents(product, 'action=secret.set')
  assert.equal(event?.resource_id, 'secret/webencode/s3/secret_key')
  await product.stop()
  assert.doesNotMatch(product.log(), new RegExp(planted))
  const files = await filesBelow(product.dataDirectory)
  assert.ok(files.some((file) => file.endsWith('sealed.json')))
  for (const file of files) {
    assert.equal((await readFile(file)).includes(planted), false, file)
  }
  const key = files.find((file) => file.endsWith('key.json')) ?? ''
  assert.equal((await stat(key)).mode & 0o777, 0o600)
})

/** @returns the id of the job; undefined when the product went away before it answered */
async function tryToSubmit(product: Product, source_url: string): Promise<string | undefined> {
  try {
    const response = await product.fetch('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source_url, profile: '480p_fast' }),
    })
    return response.status === 201 ? ((await response.json()) as { id: string }).id : undefined
  } catch {
    return undefined // killed in the middle, which is what this is about
  }
}

async function listEvents(product: Product, query: string): Promise<AuditEventView[]> {
  const events: AuditEventView[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${cursor}`
    const response = await product.fetch(`/v1/audit?limit=1000&${query}${after}`)
    assert.equal(response.status, 200)
    const page = (await response.json()) as { events: AuditEventView[]; next_cursor: string | null }
    events.push(...page.events)
    cursor = page.next_cursor
  }
  return events
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) =>
    join(entry.parentPath, entry.name)
  )
}
