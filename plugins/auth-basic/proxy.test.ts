import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createProxyAuth } from './proxy.ts'

const auth = createProxyAuth({
  trustedProxies: ['10.9.0.0/16', '192.168.1.7', 'fd00::/8'],
  roles: { 'Video Admins': 'admin', crew: 'operator' },
})
const said = (user: unknown, groups: unknown = ['crew']) =>
  Buffer.from(JSON.stringify({ user, groups })).toString('base64url')
const ask = (clientIp: string, token: string, scheme: 'upstream' | 'bearer' = 'upstream') =>
  auth.authenticate({ token, scheme, clientIp, userAgent: '' })

test('listed proxies are believed, and the highest role of the groups counts', async () => {
  for (const proxy of ['10.9.255.1', '192.168.1.7', 'fd12::1', '::ffff:10.9.0.1']) {
    const user = await ask(proxy, said('anna', ['crew', 'video admins', 'others']))
    assert.deepEqual([user.valid, user.userId, user.role], [true, 'proxy:anna', 'admin'], proxy)
  }
})

test('nobody else is', async () => {
  for (const address of ['10.10.0.1', '192.168.1.8', '127.0.0.1', '::1', 'fe80::1', '', 'x']) {
    assert.equal((await ask(address, said('anna'))).valid, false, address)
  }
  assert.equal((await ask('10.9.0.1', said('anna'), 'bearer')).valid, false)
})

test('who has no role, and what is no user, is refused', async () => {
  assert.equal((await ask('10.9.0.1', said('anna', ['others']))).valid, false)
  for (const token of [said(''), said('a\nb'), said(7), said('a', 'crew'), 'nonsense', '']) {
    assert.equal((await ask('10.9.0.1', token)).valid, false, token)
  }
  const lenient = createProxyAuth({
    trustedProxies: ['10.9.0.1'],
    roles: {},
    defaultRole: 'viewer',
  })
  const request = { token: said('anna'), scheme: 'upstream', userAgent: '' } as const
  assert.equal((await lenient.authenticate({ ...request, clientIp: '10.9.0.1' })).role, 'viewer')
})

test('an address that is none is WE-PLG-003', () => {
  for (const proxy of ['proxy.example', '10.0.0.0/33', '10.0.0.0/x', '']) {
    assert.throws(
      () => createProxyAuth({ trustedProxies: [proxy], roles: {} }),
      (error: unknown) => error instanceof WebEncodeError && error.code === 'WE-PLG-003',
      proxy,
    )
  }
})
