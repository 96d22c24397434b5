/** `npm run cluster`: a cluster on this machine, to look at: PostgreSQL, nats-server, two kernels and three workers. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readConfig } from '../kernel/config.ts'
import { messageOf } from '../kernel/errors.ts'
import { Cluster } from './cluster/cluster.ts'
import { readOrCreateKey } from './box/secret-file.ts'

process.exitCode = await main()

async function main(): Promise<number> {
  const { dataDirectory, kernelPort, logLevel, adminToken, joinToken } = readConfig(process.env)
  const directory = resolve(dataDirectory, 'cluster')
  mkdirSync(directory, { recursive: true })
  const secret = async (name: string) =>
    Buffer.from(await readOrCreateKey(join(directory, name))).toString('base64url')
  const stopped = new Promise<void>((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done())
  })
  try {
    const token = adminToken ?? await secret('admin-token')
    const cluster = await Cluster.start({
      directory,
      kernels: 2,
      workers: 3,
      firstPort: kernelPort,
      adminToken: token,
      joinToken: joinToken ?? await secret('join-token'),
      env: { LOG_LEVEL: logLevel, WEBENCODE_WORKER_SLOTS: '1' },
      onLine: (name, line) => console.log(`${name}  ${line}`),
    })
    console.log(`\nA cluster of ${cluster.processes.length} processes; Ctrl-C stops it.`)
    for (const { name, ready } of cluster.kernels) console.log(`  ${name}: ${ready}`)
    console.log(`  API token of the admin: ${token}\n`)
    await stopped
    console.log('Stopping: workers finish or give back what they have.')
    await cluster.stop()
    return 0
  } catch (failure) {
    console.error(`The cluster cannot run: ${messageOf(failure)}`)
    return 1
  }
}
