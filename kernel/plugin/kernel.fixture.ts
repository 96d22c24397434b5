/** A kernel for tests that is killed: starts the plugin "good" and says its process id. */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { silentLog } from '../log.ts'
import { openPluginHost } from './host.ts'

const [stateDirectory = ''] = process.argv.slice(2)
const host = await openPluginHost({
  directory: fileURLToPath(new URL('./fixtures', import.meta.url)),
  stateDirectory,
  kernelVersion: '0.1.0',
  secrets: { resolve: () => Promise.reject(new Error('not asked for')) },
  log: silentLog,
  startTimeoutMs: 60_000,
})
const found = (await host.scan()).find(({ folder }) => folder.endsWith('/good'))
if (found === undefined || !('manifest' in found)) throw new Error('There is no plugin "good"')
const plugin = await host.start({ ...found, config: {} })
process.stdout.write(`${plugin.pid}\n`)
// Stays until it is killed: the plugin's pipes keep it alive.
