/** Tests of files that arrive: a refusal is answered, however much of the file is there already. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WebEncodeError } from '../errors.ts'
import { receiveFile } from './upload.ts'

const options = { maxBytes: 10_000_000, bareName: undefined }

/** A request with a form whose file has so many bytes; `sent` resolves when all of it was taken. */
async function requestOf(bytes: number) {
  const form = new FormData()
  form.set('object_key', 'uploads/taken/film.mp4')
  form.set('file', new File([new Uint8Array(bytes)], 'film.mp4'))
  const packed = new Response(form)
  const headers = { 'content-type': packed.headers.get('content-type') ?? '' }
  const whole = await packed.bytes()
  const sent = Promise.withResolvers<void>()
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(whole)
      controller.close()
      sent.resolve()
    },
  })
  const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit
  return { request: new Request('http://box.test/', init), sent: sent.promise }
}

test(
  'receiveFile() answers a refusal that comes when all bytes have',
  { timeout: 20_000 },
  async () => {
    for (const bytes of [1, 20_000, 100_000, 1_000_000]) {
      const { request, sent } = await requestOf(bytes)
      const refused = receiveFile(request, options, async () => {
        await sent
        for (let turns = 0; turns < 20; turns++) await nextTurn()
        throw new WebEncodeError('WE-STO-007', 'The key is taken')
      })
      await assert.rejects(refused, { code: 'WE-STO-007' }, `${bytes} bytes`)
    }
  },
)

test('receiveFile() answers a refusal in the middle of a file', { timeout: 20_000 }, async () => {
  for (const bytes of [20_000, 100_000, 1_000_000]) {
    const { request, sent } = await requestOf(bytes)
    const refused = receiveFile(request, options, async ({ chunks }) => {
      await sent
      for await (const chunk of chunks) assert.ok(chunk.length > 0 && await nextTurn(true))
      throw new WebEncodeError('WE-STO-003', 'The storage is full')
    })
    await assert.rejects(refused, { code: 'WE-STO-003' }, `${bytes} bytes`)
    const { request: another } = await requestOf(bytes)
    const stopped = receiveFile(another, options, async ({ chunks }) => {
      for await (const _ of chunks) throw new WebEncodeError('WE-STO-003', 'The storage is full')
    })
    await assert.rejects(stopped, { code: 'WE-STO-003' }, `${bytes} bytes, at once`)
  }
})
