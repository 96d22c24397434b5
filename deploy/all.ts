/** The one-box process: `npm start`. */
import { listConfigWarnings, readConfig } from '../kernel/config.ts'
import { webEncodeErrorFrom } from '../kernel/errors.ts'
import { createLog } from '../kernel/log.ts'
import { type Box, startBox } from './box.ts'

process.exitCode = await main()

async function main(): Promise<number> {
  const stopped = stopSignal()
  try {
    const config = readConfig(process.env)
    const log = createLog(config.logLevel)
    for (const warning of listConfigWarnings(process.env)) log.warn(warning)
    const box = await startBox(config, log)
    greet(box, config.adminToken !== undefined)
    await stopped
    console.log('Stopping: tasks in hand are given back and go on after the next start.')
    await box.stop()
    return 0
  } catch (failure) {
    const { code, message } = webEncodeErrorFrom(failure)
    console.error(`WebEncode cannot start: ${code} ${message}`)
    return 1
  }
}

function greet({ url, adminToken, signInUrl }: Box, isTokenFixed: boolean): void {
  console.log(`Sign in once, within 15 minutes: ${signInUrl}`)
  if (adminToken !== '' && !isTokenFixed) {
    console.log(`API token of the admin, shown this once: ${adminToken}`)
  }
  console.log(`WebEncode listens on ${url}`)
}

/** Resolves with the first SIGTERM or SIGINT. A second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
}
