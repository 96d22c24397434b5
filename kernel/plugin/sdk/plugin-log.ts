/** The log of a plugin: JSON lines on standard error, with the correlation id of the call that is being served. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createLog, type Log } from '../../log.ts'
import type { ServedCall } from '../serve.ts'

const served = new AsyncLocalStorage<ServedCall>()

/** Runs the work of a call: lines that it logs carry the call's correlation id. */
export function duringCall<T>(call: ServedCall, work: () => T): T {
  return served.run(call, work)
}

/** @param write - receives one line without its line break. @default standard error */
export function createPluginLog(write?: (line: string) => void): Log {
  const log = createLog('debug', write)
  const current = () => {
    const correlationId = served.getStore()?.correlationId
    return correlationId === undefined ? log : log.child({ correlation_id: correlationId })
  }
  return {
    debug: (message, fields) => current().debug(message, fields),
    info: (message, fields) => current().info(message, fields),
    warn: (message, fields) => current().warn(message, fields),
    error: (message, fields) => current().error(message, fields),
    child: (fields) => log.child(fields),
  }
}
