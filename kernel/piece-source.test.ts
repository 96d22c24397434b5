import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PieceSource } from './piece-source.ts'

async function* chunksOf(...texts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text
    yield await Promise.resolve(Buffer.from(text))
  }
}

async function piecesOf(source: PieceSource, limit: number): Promise<string[]> {
  const pieces: string[] = []
  while (await source.hasMore()) {
    const chunks: Uint8Array[] = []
    for await (const chunk of source.take(limit)) chunks.push(chunk)
    pieces.push(Buffer.concat(chunks).toString())
  }
  return pieces
}

test('PieceSource cuts chunks into pieces of the limit, whatever their sizes', async () => {
  const source = new PieceSource(chunksOf('ab', '', 'cdefgh', 'i'))
  assert.deepEqual(await piecesOf(source, 4), ['abcd', 'efgh', 'i'])
  assert.equal(source.failure, undefined)
})

test('PieceSource of nothing has no piece', async () => {
  assert.deepEqual(await piecesOf(new PieceSource(chunksOf('', '')), 4), [])
})

test('PieceSource hands out what came before a failure, and tells the failure after', async () => {
  const failure = new Error('connection lost')
  const source = new PieceSource(chunksOf('abc', 'de', failure))
  assert.deepEqual(await piecesOf(source, 4), ['abcd', 'e'])
  assert.equal(source.failure, failure)
})
