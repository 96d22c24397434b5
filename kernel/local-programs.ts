/** Programs of this machine: where they are, and ports that they may listen on. */
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import process from 'node:process'

/** Debian keeps servers off the path of ordinary users. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin']

/** The path of the program with this name, as PATH or a folder of servers has it; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), ...serverFolders]
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

/** Whether this process may run the file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A TCP port of the loopback interface that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') {
    throw new TypeError('A TCP port was asked for')
  }
  return address.port
}
