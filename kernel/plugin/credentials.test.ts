/** Whom the kernel talks to: the certificate of the handshake, and nobody else at the same socket. */
import { Server, ServerCredentials } from '@grpc/grpc-js'
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createCertificate, type OwnCertificate } from './certificate.ts'
import { connectPlugin } from './client.ts'
import { securityFrom } from './credentials.ts'
import { implementationFrom } from './serve.ts'
import { definitionOf, type Method, serviceOf } from './services.ts'

const health = serviceOf('health')

async function serve(socket: string, own: OwnCertificate, client: OwnCertificate) {
  const server = new Server()
  const methods = { Check: () => Promise.resolve({ status: 'SERVING' }) }
  server.addService(definitionOf(health), implementationFrom(health, methods))
  const pair = {
    private_key: Buffer.from(own.privateKey),
    cert_chain: Buffer.from(own.certificate),
  }
  const credentials = ServerCredentials.createSsl(Buffer.from(client.certificate), [pair], true)
  await promisify(server.bindAsync.bind(server))(`unix:${socket}`, credentials)
  return server
}

test('a plugin that answers with another certificate than its handshake has is not talked to', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'credentials-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const socket = join(directory, 'plugin.sock')
  const target = `unix:${socket}`
  const [kernel, plugin, other] = [1, 2, 3].map(() => createCertificate(Date.now()))
  const serverCertificate = new X509Certificate(plugin!.certificate).raw
  const { credentials, options } = securityFrom('p', { target, serverCertificate }, kernel!)
  const connection = connectPlugin(target, credentials, options)
  t.after(() => connection.close())
  const ask = () => connection.unary(health['Check'] as Method, {}, { timeoutMs: 5000 })

  const first = await serve(socket, plugin!, kernel!)
  assert.deepEqual(await ask(), { status: 'SERVING' })
  first.forceShutdown()
  rmSync(socket, { force: true })
  const second = await serve(socket, other!, kernel!)
  t.after(() => second.forceShutdown())
  await assert.rejects(ask(), { message: /UNAVAILABLE|DEADLINE_EXCEEDED/ })
})

test('securityFrom() refuses what is no certificate', () => {
  const handshake = { target: 'unix:/s', serverCertificate: Buffer.alloc(60) }
  assert.throws(() => securityFrom('p', handshake, createCertificate(0)), {
    code: 'WE-PLG-004',
    message: /must be X\.509/,
  })
})
