/** Tests of the certificate that the kernel makes for each start of a plugin. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createCertificate } from './certificate.ts'

test('createCertificate() signs itself, for "localhost", for years', () => {
  const now = Date.parse('2026-03-04T05:06:07Z')
  const own = createCertificate(now)
  const certificate = new X509Certificate(own.certificate)
  assert.equal(certificate.subject, 'CN=localhost')
  assert.equal(certificate.subjectAltName, 'DNS:localhost')
  assert.equal(certificate.ca, true)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(own.privateKey)))
  assert.equal(Date.parse(certificate.validFrom), now - 60_000)
  assert.ok(Date.parse(certificate.validTo) > now + 9 * 365 * 24 * 3600 * 1000)
})

test('createCertificate() makes another one each time', () => {
  const [a, b] = [createCertificate(0), createCertificate(0)]
  assert.notEqual(
    new X509Certificate(a.certificate).serialNumber,
    new X509Certificate(b.certificate).serialNumber,
  )
})
