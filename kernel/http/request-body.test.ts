/** Tests of request bodies that are given up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { readableFrom } from './request-body.ts'

const mebibyte = 1024 * 1024

/** A client that sends so many mebibytes; `ended` tells whether it sent them all or was cut off. */
function client(mebibytes: number) {
  const ended = Promise.withResolvers<'all sent' | 'cut off'>()
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === mebibytes) {
        controller.close()
        return ended.resolve('all sent')
      }
      sent++
      controller.enqueue(new Uint8Array(mebibyte))
    },
    cancel: () => ended.resolve('cut off'),
  }, { highWaterMark: 0 })
  return { body, ended: ended.promise, sent: () => sent }
}

test('readableFrom() reads a body to its end', async () => {
  const { body, ended } = client(3)
  assert.equal((await buffer(readableFrom(body))).length, 3 * mebibyte)
  assert.equal(await ended, 'all sent')
})

test('readableFrom() hears a client out that it gives up', async () => {
  const { body, ended } = client(20)
  for await (const chunk of readableFrom(body)) {
    assert.equal((chunk as Uint8Array).length, mebibyte)
    break
  }
  assert.equal(await ended, 'all sent')
})

test('readableFrom() cuts a client off that goes on', async () => {
  const { body, ended, sent } = client(1000)
  readableFrom(body).destroy()
  assert.equal(await ended, 'cut off')
  assert.equal(sent(), 64)
})

test('readableFrom() fails as its body does', async () => {
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error('the client went away')),
  })
  await assert.rejects(buffer(readableFrom(body)), /the client went away/)
})
