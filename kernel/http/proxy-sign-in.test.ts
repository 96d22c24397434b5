import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Bench, openBench, signInAddress } from './fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench({ config: { proxySignIn: true, trustedProxies: ['10.9.0.0/16', '::1'] } })
})
after(() => bench.close())

const ask = (
  clientAddress: string,
  headers: Record<string, string>,
  path = '/v1/me',
  method = 'GET',
  { app } = bench,
) => app.request(path, { method, headers }, { clientAddress })
const otto = { 'remote-user': 'operator', 'remote-groups': 'crew' }

test('the user of a listed proxy is signed in', async () => {
  for (const proxy of ['10.9.1.2', '::1', '::ffff:10.9.1.2']) {
    const response = await ask(proxy, otto)
    assert.equal((await response.json() as { role?: string }).role, 'operator', proxy)
  }
})

test('from any other address the header is ignored', async () => {
  for (const address of ['10.8.0.1', '127.0.0.1', '::2', '', 'nonsense']) {
    assert.equal((await ask(address, otto)).status, 401, address)
    const forwarded = { ...otto, 'x-forwarded-for': '10.9.1.2', 'x-real-ip': '10.9.1.2' }
    assert.equal((await ask(address, forwarded)).status, 401, address)
  }
})

test('a proxy whose addresses are believed says nothing of users unless it shall', async () => {
  const own = await openBench({ db: bench.db, config: { trustedProxies: ['10.9.0.0/16'] } })
  assert.equal((await ask('10.9.1.2', otto, '/v1/me', 'GET', own)).status, 401)
  await own.close()
})

test('a user without a role, no user, and a header that is too long are refused', async () => {
  for (const user of ['stranger', '', ' ', 'x'.repeat(5000)]) {
    assert.equal((await ask('10.9.1.2', { 'remote-user': user })).status, 401)
  }
})

test('another site can do nothing in the name of a signed-in user', async () => {
  const cancel = (headers: Record<string, string>) =>
    ask('10.9.1.2', { ...otto, host: 'video.test', ...headers }, '/v1/jobs/x/cancel', 'POST')
  assert.equal((await cancel({ origin: 'https://evil.test' })).status, 403)
  assert.equal((await cancel({ 'sec-fetch-site': 'cross-site' })).status, 403)
  assert.equal((await cancel({ origin: 'http://video.test' })).status, 404)
  assert.equal((await cancel({})).status, 404)
})

test('the address of a client behind listed proxies is the last that no proxy has', async () => {
  const clientOf = (peer: string, forwarded: string) =>
    signInAddress(bench, peer, { 'x-forwarded-for': forwarded })
  assert.equal(await clientOf('10.9.1.2', '1.2.3.4'), '1.2.3.4')
  assert.equal(await clientOf('10.9.1.2', '6.6.6.6, 1.2.3.4, 10.9.7.7'), '1.2.3.4')
  assert.equal(await clientOf('8.8.8.8', '1.2.3.4'), '8.8.8.8')
  assert.equal(await clientOf('10.9.1.2', 'nonsense'), '10.9.1.2')
  assert.equal(await clientOf('10.9.1.2', '10.9.5.5, 10.9.6.6'), '10.9.5.5')
})
