/** A worker in a network of its own, where nothing listens: it reaches out, and that is enough for a real encode. */
import assert from 'node:assert/strict'
import { execa } from 'execa'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import { Cluster } from '../cluster/cluster.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { outputProblem, submitJob, waitForEnd } from './chaos/jobs.ts'
import { FaultyProxy } from './chaos/proxy.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory } from './product.ts'

const space = `webencode-${process.pid}`
const [here, there] = ['10.213.77.1', '10.213.77.2']

const skip = await skipWithoutFfmpeg() || skipWithoutNats ||
  (await findPostgres() === undefined ? 'needs PostgreSQL' : false) ||
  (await canMakeNetworks() ? false : 'needs root and `ip netns` (package iproute2)')

/** Makes the worker's network, joined to this one by one cable. */
async function canMakeNetworks(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  const { failed } = await execa('ip', ['netns', 'add', space], { reject: false })
  return !failed
}

const directory = mkdtempSync(join(tmpdir(), 'webencode-networks-'))
let cluster: Cluster | undefined
let nats: FaultyProxy | undefined
after(async () => {
  await cluster?.stop()
  await cluster?.postgres.remove()
  await nats?.close()
  rmSync(directory, { recursive: true, force: true })
  await execa('ip', ['netns', 'delete', space], { reject: false })
})

async function layCable(): Promise<void> {
  const commands = [
    `ip link add ${space.slice(-8)}a type veth peer name ${space.slice(-8)}b netns ${space}`,
    `ip address add ${here}/30 dev ${space.slice(-8)}a`,
    `ip link set ${space.slice(-8)}a up`,
    `ip -n ${space} address add ${there}/30 dev ${space.slice(-8)}b`,
    `ip -n ${space} link set ${space.slice(-8)}b up`,
    `ip -n ${space} link set lo up`,
  ]
  for (const command of commands) await execa('sh', ['-c', command])
}

/** Addresses of sockets in the worker's network that wait for connections, as proc(5) writes them. */
async function listeners(): Promise<string[]> {
  const { stdout } = await execa('ip', [
    'netns',
    'exec',
    space,
    'cat',
    '/proc/net/tcp',
    '/proc/net/tcp6',
  ])
  const listening = '0A'
  return stdout.split('\n').map((line) => line.trim().split(/\s+/))
    .flatMap(([, address = '', , state]) => state === listening ? [address] : [])
}

test('a worker that nobody can reach encodes a video', { skip }, async () => {
  await layCable()
  cluster = await Cluster.start({
    directory,
    kernels: 1,
    workers: 1,
    adminToken: 'we_networks_admin_token_0123456789',
    joinToken: 'we_networks_join_token_0123456789',
    env: { LOG_LEVEL: 'warn', WEBENCODE_MEDIA_ROOTS: mediaDirectory, KERNEL_HOST: here },
    async wayTo(link, port) {
      if (link !== 'worker-1 to nats') return port
      nats = await FaultyProxy.start(port, here)
      return nats.port
    },
    envOf: (name) =>
      name === 'worker-1' && nats !== undefined ? { NATS_URL: `ws://${here}:${nats.port}` } : {},
    prefixOf: (name) => name === 'worker-1' ? ['ip', 'netns', 'exec', space] : [],
  })
  const id = await submitJob(cluster, 'networks')
  const job = await waitForEnd(cluster, id, 120_000)
  assert.equal(job.status, 'completed', JSON.stringify(job.error))
  assert.equal(await outputProblem(cluster, id, directory), undefined)
  const loopback = '0100007F:'
  assert.deepEqual((await listeners()).filter((address) => !address.startsWith(loopback)), [])
  await assert.rejects(fetch(`http://${there}:8080/`, { signal: AbortSignal.timeout(2_000) }))
})
