/** Cutting a stream into parts: every byte once and in order, whatever the chunks, with the right hashes. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { partBytes, PartCutter } from './parts.ts'

const film = randomBytes(2 * partBytes + 1)

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.subarray(at, at + size))
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

test('PartCutter cuts full parts and a last one, with the hash of each and of the whole', async () => {
  const lengths = [0, 1, 65_537, partBytes - 1, partBytes, partBytes + 1, 2 * partBytes + 1]
  for (const length of lengths) {
    const bytes = film.subarray(0, length)
    for (const size of [100_003, partBytes, 3 * partBytes]) {
      const cutter = new PartCutter()
      const count = Math.max(1, Math.ceil(length / partBytes))
      let number = 0
      for await (const part of cutter.parts(chunksOf(bytes, size))) {
        const expected = bytes.subarray(number * partBytes, ++number * partBytes)
        assert.ok(part.bytes.equals(expected), `part ${number} of ${length}`)
        assert.deepEqual(
          [part.number, part.sha256, part.isLast],
          [number, sha256Of(expected), number === count],
        )
      }
      assert.equal(number, count)
      assert.deepEqual(cutter.facts, { size: length, sha256: sha256Of(bytes) })
    }
  }
})

test('PartCutter fills a buffer again when it was given back, and no sooner', async () => {
  const buffers = async (isReleasing: boolean) => {
    const cutter = new PartCutter()
    const seen = new Set<ArrayBuffer>()
    const two = film.subarray(0, 2 * partBytes)
    for await (const part of cutter.parts(chunksOf(Buffer.concat([two, two]), partBytes))) {
      seen.add(part.bytes.buffer)
      if (isReleasing) cutter.release(part)
    }
    return seen.size
  }
  assert.equal(await buffers(false), 4)
  assert.ok(await buffers(true) < 4)
})

test('PartCutter passes on what its source fails with', async () => {
  const breaking = async function* () {
    yield* chunksOf(film.subarray(0, 10), 4)
    throw new Error('connection lost')
  }
  const parts = new PartCutter().parts(breaking())
  await assert.rejects(parts.next(), /connection lost/)
})
