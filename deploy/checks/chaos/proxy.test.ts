import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { FaultyProxy } from './proxy.ts'

/** Answers whatever it hears. */
let echo: Server
let proxy: FaultyProxy

before(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await FaultyProxy.start((echo.address() as AddressInfo).port)
})
after(async () => {
  await proxy.close()
  echo.close()
})

async function opened(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: proxy.port })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Resolves when the socket is gone, in whatever way. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

async function answer(socket: Socket, text: string): Promise<string> {
  const heard = once(socket, 'data')
  socket.write(text)
  return String((await heard)[0])
}

test('FaultyProxy passes what both sides say', async () => {
  const socket = await opened()
  assert.equal(await answer(socket, 'hello'), 'hello')
  socket.destroy()
})

test('FaultyProxy holds everything back while it stalls, and loses nothing', async () => {
  const socket = await opened()
  await answer(socket, 'warm')
  proxy.set('stall')
  let heard = ''
  socket.on('data', (chunk) => heard += String(chunk))
  socket.write('late')
  const other = await opened()
  proxy.set('pass')
  await once(socket, 'data')
  assert.equal(heard, 'late')
  socket.destroy()
  other.destroy()
})

test('FaultyProxy resets connections, and new ones, while it cuts', async () => {
  const socket = await opened()
  await answer(socket, 'warm')
  const closed = closeOf(socket)
  proxy.set('cut')
  await closed
  const refused = connect({ host: '127.0.0.1', port: proxy.port })
  refused.on('error', () => {})
  await closeOf(refused)
  proxy.set('pass')
  const again = await opened()
  assert.equal(await answer(again, 'back'), 'back')
  again.destroy()
})

test('FaultyProxy cuts one COMMIT, before the server hears it or before its answer is heard', async () => {
  for (const when of ['before', 'after'] as const) {
    const socket = await opened()
    assert.equal(await answer(socket, 'UPDATE'), 'UPDATE')
    proxy.cutNextCommit(when)
    const closed = closeOf(socket)
    socket.write('COMMIT')
    await closed
  }
  assert.equal(proxy.commitsCut, 2)
  const socket = await opened()
  assert.equal(await answer(socket, 'COMMIT'), 'COMMIT')
  socket.destroy()
})
