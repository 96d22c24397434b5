/** The bus over `wss://`: to a server whose certificate is known, and to no other. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import tls from 'node:tls'
import { silentLog } from '../log.ts'
import { openNatsBus } from './nats.ts'
import { skipWithoutNats, TestNats } from './test-nats.ts'

const skip = skipWithoutNats || skipWithoutOpenssl() || skipWhereTrustIsFixed()

describe('NATS bus over TLS', { skip, timeout: 60_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-tls-'))
  const files = { certificate: join(directory, 'server.crt'), key: join(directory, 'server.key') }
  let server: TestNats
  before(async () => {
    makeCertificate(files)
    server = await TestNats.start({ tls: files })
  })
  after(async () => {
    await server.stop()
    rmSync(directory, { recursive: true })
  })
  const open = () =>
    openNatsBus({ url: server.url, name: 'test', log: silentLog, openTimeoutMs: 1_000 })

  test('refuses a server that nobody vouches for, and talks to it once its certificate is known', async () => {
    assert.match(server.url, /^wss:/)
    await assert.rejects(open(), { code: 'WE-SYS-003' })
    const known = tls.getCACertificates('default')
    tls.setDefaultCACertificates([...known, readFileSync(files.certificate, 'utf8')])
    try {
      const bus = await open()
      await bus.publish('jobs.dispatch.local.cpu', 'over TLS')
      assert.equal(await bus.backlog('jobs.dispatch.local.cpu'), 1)
      await bus.close()
    } finally {
      tls.setDefaultCACertificates(known)
    }
  })
})

function makeCertificate({ certificate, key }: { certificate: string; key: string }): void {
  const subject = '-subj /CN=localhost -addext subjectAltName=DNS:localhost'
  const options =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 ${subject}`
  execFileSync('openssl', [...options.split(' '), '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
}

function skipWithoutOpenssl(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'needs openssl: apt-get install openssl'
  }
}

/** Deno reads whom to trust once, from DENO_CERT. */
function skipWhereTrustIsFixed(): string | false {
  return 'Deno' in globalThis &&
    'trusts what DENO_CERT named at its start, and a test cannot add to it'
}
