/** Ten thousand jobs at once: each is accepted durably or refused clearly, and none is lost. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { mediaDirectory, type Product, startProduct, stopProducts, upload } from './product.ts'

const jobs = 10_000
const connections = 200

after(stopProducts)

test('10,000 submissions: accepted or 429/503 with Retry-After, and every accepted one is there after kill -9', async () => {
  const first = await startProduct({ env: { WEBENCODE_WORKER_SLOTS: '1' } })
  const source_url = await upload(first, join(mediaDirectory, 'sample.mp4'))
  const accepted = new Set<string>()
  let refused = 0
  let next = 0
  const client = async () => {
    while (next++ < jobs) {
      const response = await first.fetch('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ source_url, profile: '480p_fast' }),
      })
      if (response.status === 201) accepted.add(((await response.json()) as { id: string }).id)
      else {
        assert.ok(
          [429, 503].includes(response.status),
          `${response.status} ${await response.text()}`,
        )
        assert.ok(Number(response.headers.get('retry-after')) > 0)
        refused++
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, client))
  assert.equal(accepted.size + refused, jobs)
  assert.ok(accepted.size > 0)
  await first.kill()
  const second = await startProduct({
    dataDirectory: first.dataDirectory,
    env: { WEBENCODE_WORKER_SLOTS: '1' },
  })
  const listed = await listIds(second)
  assert.deepEqual([...accepted].filter((id) => !listed.has(id)), [])
  await second.stop()
})

async function listIds(product: Product): Promise<Set<string>> {
  const ids = new Set<string>()
  let cursor: string | null = ''
  while (cursor !== null) {
    const response = await product.fetch(
      `/v1/jobs?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    assert.equal(response.status, 200)
    const page = (await response.json()) as { jobs: { id: string }[]; next_cursor: string | null }
    for (const { id } of page.jobs) ids.add(id)
    cursor = page.next_cursor
  }
  return ids
}
