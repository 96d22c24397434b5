/** PostgreSQL from what is installed: a server of one's own on a port of the loopback interface, that can be killed and started again. */
import { execa } from 'execa'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { freePort } from '../../kernel/local-programs.ts'

/** The folder of PostgreSQL's programs; undefined without one. Debian keeps it off the path. */
export async function findPostgres(): Promise<string | undefined> {
  const { stdout } = await execa('sh', [
    '-c',
    'ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1',
  ])
  return stdout.trim() === '' ? undefined : stdout.trim()
}

/** A server; it runs until it is stopped. PostgreSQL refuses to run as root, so root uses the user `postgres`. */
export class LocalPostgres {
  /** URL of the superuser. */
  readonly url: string
  readonly port: number
  readonly #programs: string
  readonly #directory: string

  private constructor(programs: string, directory: string, port: number) {
    this.#programs = programs
    this.#directory = directory
    this.port = port
    this.url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  }

  /**
   * Makes a database in `directory`, unless there is one, and starts the server. For root it is below /var/tmp instead: the user
   * that PostgreSQL then runs as may not enter root's own folders.
   * @returns undefined where PostgreSQL is not installed
   */
  static async start(directory: string, port?: number): Promise<LocalPostgres | undefined> {
    const programs = await findPostgres()
    if (programs === undefined) return undefined
    const place = LocalPostgres.placeOf(directory)
    const server = new LocalPostgres(programs, place, port ?? await freePort())
    mkdirSync(place, { recursive: true, mode: 0o700 })
    try {
      if (!existsSync(server.#data)) {
        await server.#run(
          `${programs}/initdb -D ${server.#data} -U postgres -A trust -E UTF8 --no-sync`,
        )
      }
      // One that a former life could not stop would keep its port and its lock.
      await server.stop()
      await server.restart()
      return server
    } catch (failure) {
      // It may run all the same, when only what waited for it was ended.
      await server.stop()
      throw failure
    }
  }

  /** Deletes `directory` and the files of a server in it, which was stopped or never ran. */
  static clear(directory: string): void {
    for (const path of [LocalPostgres.placeOf(directory), directory]) {
      rmSync(path, { recursive: true, force: true })
    }
  }

  /** Where the files of a server in `directory` are. */
  static placeOf(directory: string): string {
    return isRoot() ? placeForRoot(directory) : directory
  }

  /** Starts a server that was killed or stopped. */
  async restart(): Promise<void> {
    const options =
      `-p ${this.port} -k ${this.#directory} -c listen_addresses=127.0.0.1 -c max_connections=200`
    await this.#run(
      `${this.#programs}/pg_ctl -D ${this.#data} -w -l ${this.#directory}/log -o "${options}" start`,
    )
  }

  /** `kill -9` of the server and all its backends. */
  async kill(): Promise<void> {
    const parent = this.#pid
    if (parent === undefined) return
    const all = [parent, ...childrenOf(parent)]
    for (const pid of all) signal(pid, 'SIGKILL')
    await goneAll(all)
  }

  /** Stops it in the middle of whatever it does: `immediate` as a crash does, `fast` by ending every session. */
  async stop(mode: 'immediate' | 'fast' = 'immediate'): Promise<void> {
    if (this.#pid === undefined) return
    await this.#run(`${this.#programs}/pg_ctl -D ${this.#data} -m ${mode} stop`)
  }

  /** Stops it and deletes what it kept. */
  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#directory, 'data')
  }

  get #pid(): number | undefined {
    try {
      const pid = Number(readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')[0])
      return signal(pid, 0) ? pid : undefined
    } catch {
      return undefined // no file: it does not run
    }
  }

  async #run(command: string): Promise<void> {
    await execa('sh', ['-c', asPostgres(command, this.#directory)], { timeout: 60_000 })
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function placeForRoot(directory: string): string {
  const name = createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 16)
  return join('/var/tmp', `webencode-postgres-${name}`)
}

function asPostgres(command: string, directory: string): string {
  if (!isRoot()) return command
  const quoted = command.replaceAll("'", `'\\''`)
  return `chown -R postgres ${directory} && su postgres -s /bin/sh -c '${quoted}'`
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false // gone meanwhile
    }
  })
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false // gone already
  }
}

async function goneAll(pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => signal(pid, 0))) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
