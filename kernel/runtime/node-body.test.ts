/** The body of a request on Node: every byte once, and an answer after whatever happens to it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { Hono } from 'hono'
import type { RuntimeEnv } from './runtime.ts'
import { createRuntime } from './serve.ts'

const skip = 'Deno' in globalThis && 'the body of a request is as fast on Deno'
const bytes = randomBytes(3_000_000)

type Answer = (env: RuntimeEnv, request: Request) => Promise<string>

/** What a server of this handler answers to the bytes. */
async function answerOf(answer: Answer): Promise<string> {
  const runtime = await createRuntime()
  const app = new Hono<{ Bindings: RuntimeEnv }>()
    .post('/', async (c) => c.text(await answer(c.env, c.req.raw)))
    .onError((failure, c) => c.text(failure.message, 500))
  const server = await runtime.serve({ app, port: 0, host: '127.0.0.1' })
  try {
    const url = `http://127.0.0.1:${server.port}`
    return await (await fetch(url, { method: 'POST', body: bytes })).text()
  } finally {
    await server.close()
  }
}

async function collect(chunks: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  assert.ok(chunks)
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

describe('bodyChunks()', { skip }, () => {
  test('brings every byte, also when somebody asks for the signal meanwhile', async () => {
    const answer = await answerOf(async ({ bodyChunks }, request) => {
      const chunks = bodyChunks?.()
      assert.equal(request.signal.aborted, false)
      return String((await collect(chunks)).equals(bytes))
    })
    assert.equal(answer, 'true')
  })

  test('leaves a connection that can answer when its reader gives up', async () => {
    const answer = await answerOf(async ({ bodyChunks }) => {
      for await (const _ of bodyChunks?.() ?? []) break
      return 'enough'
    })
    assert.equal(answer, 'enough')
  })

  test('refuses a body that somebody reads already', async () => {
    const answer = await answerOf(async ({ bodyChunks }) => {
      await collect(bodyChunks?.())
      await collect(bodyChunks?.())
      return 'read twice'
    })
    assert.equal(answer, 'The body of the request is being read already')
  })
})
