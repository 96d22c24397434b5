/** The REST API as the command line uses it. */
import { createReadStream, createWriteStream } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { pipeline } from 'node:stream/promises'
import type { JobOutputView, JobView, WorkerView } from '../../kernel/contract/job.ts'
import type { Role } from '../../kernel/contract/auth.ts'
import type { AddedUser, ListedUser, NewUser, UserView } from '../../kernel/contract/user.ts'
import type { NewJoinToken } from '../../kernel/contract/worker.ts'
import { errorCatalog, type ErrorCode, WebEncodeError } from '../../kernel/errors.ts'

/** A server and the token that speaks to it. */
export interface Client {
  upload(file: string): Promise<string>
  submit(request: { source_url: string; profile: string; overrides?: unknown }): Promise<JobView>
  read(jobId: string): Promise<JobView>
  cancel(jobId: string): Promise<void>
  outputs(jobId: string): Promise<JobOutputView[]>
  /** Streams an output into a file. */
  download(output: JobOutputView, file: string): Promise<void>
  workers(): Promise<WorkerView[]>
  commandWorker(workerId: string, verb: 'drain' | 'undrain' | 'restart'): Promise<WorkerView>
  removeWorker(workerId: string): Promise<void>
  createJoinToken(expiresInSeconds?: number): Promise<NewJoinToken>
  users(): Promise<ListedUser[]>
  addUser(user: NewUser): Promise<AddedUser>
  setUserRole(userId: string, role: Role): Promise<UserView>
  removeUser(userId: string): Promise<void>
}

/** @throws the server's own error on every call; WE-SYS-004 when it cannot be reached */
export function createClient(server: string, token: string): Client {
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = {
      ...Object.fromEntries(new Headers(init.headers)),
      authorization: `Bearer ${token}`,
    }
    const response = await fetch(new URL(path, server), { ...init, headers }).catch(
      (cause: unknown) => {
        throw new WebEncodeError('WE-SYS-004', `Cannot reach ${server}`, { cause })
      },
    )
    if (!response.ok) throw await errorFrom(response)
    return response
  }
  const json = async <T>(path: string, init?: RequestInit) =>
    (await (await call(path, init)).json()) as T

  return {
    async upload(file) {
      const { url } = await json<{ url: string }>('/v1/files/upload', {
        method: 'POST',
        headers: {
          'content-type': 'application/octet-stream',
          'x-file-name': encodeURIComponent(basename(file)),
        },
        body: Readable.toWeb(createReadStream(file)),
        duplex: 'half',
      } as RequestInit)
      return url
    },
    submit: (request) => json('/v1/jobs', bodyOf('POST', request)),
    read: (jobId) => json(`/v1/jobs/${jobId}`),
    cancel: async (jobId) => void (await call(`/v1/jobs/${jobId}/cancel`, { method: 'POST' })),
    outputs: async (jobId) =>
      (await json<{ outputs: JobOutputView[] }>(`/v1/jobs/${jobId}/outputs`)).outputs,
    async download(output, file) {
      const { body } = await call(output.url)
      if (body === null) {
        throw new WebEncodeError(
          'WE-STO-001',
          `Cannot download ${output.name}: the answer is empty`,
        )
      }
      // The two declarations of the same stream differ in a detail of their types.
      await pipeline(Readable.fromWeb(body as NodeReadableStream), createWriteStream(file))
    },
    workers: async () => (await json<{ workers: WorkerView[] }>('/v1/workers')).workers,
    commandWorker: (workerId, verb) => json(workerPath(workerId, verb), { method: 'POST' }),
    removeWorker: async (workerId) => void (await call(workerPath(workerId), { method: 'DELETE' })),
    createJoinToken: (expiresInSeconds) =>
      json(
        '/v1/workers/join-tokens',
        bodyOf('POST', { expires_in_seconds: expiresInSeconds }),
      ),
    users: async () => (await json<{ users: ListedUser[] }>('/v1/users')).users,
    addUser: (user) => json('/v1/users', bodyOf('POST', user)),
    setUserRole: (userId, role) => json(userPath(userId), bodyOf('PATCH', { role })),
    removeUser: async (userId) => void (await call(userPath(userId), { method: 'DELETE' })),
  }
}

/** A request with JSON, which leaves out what is undefined. */
function bodyOf(method: 'POST' | 'PATCH', value: object): RequestInit {
  const headers = { 'content-type': 'application/json' }
  return { method, headers, body: JSON.stringify(value) }
}

function userPath(userId: string): string {
  return `/v1/users/${encodeURIComponent(userId)}`
}

function workerPath(workerId: string, verb?: string): string {
  const path = `/v1/workers/${encodeURIComponent(workerId)}`
  return verb === undefined ? path : `${path}/${verb}`
}

async function errorFrom(response: Response): Promise<WebEncodeError> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; details?: string }
    }
    const code = error.code in errorCatalog ? (error.code as ErrorCode) : 'WE-SYS-001'
    return new WebEncodeError(code, error.details ?? error.message)
  } catch (cause) {
    return new WebEncodeError(
      'WE-SYS-001',
      `The server answered ${response.status}: ${text.slice(0, 200)}`,
      { cause },
    )
  }
}
