/** The plainest HTTP server for one file: PUT writes it and makes it durable, GET reads it. `node plain-server.js FILE` prints its URL. */
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { pipeline } from 'node:stream/promises'

const [, , path = ''] = process.argv

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT') {
    await pipeline(request, createWriteStream(path, { flush: true }))
    return void response.end()
  }
  response.setHeader('content-length', (await stat(path)).size)
  await pipeline(createReadStream(path), response)
}

const server = createServer((request, response) => {
  answer(request, response).catch((failure: unknown) => response.destroy(failure as Error))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
