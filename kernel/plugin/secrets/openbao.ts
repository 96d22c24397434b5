/** Secrets in OpenBao or Vault: the key-value engine, version 2, over HTTP. */
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { WebEncodeError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import {
  createOpenBaoClient,
  errorsOf,
  type OpenBaoAnswer,
  type OpenBaoClientOptions,
  type OpenBaoRequest,
  unavailable,
} from './openbao-client.ts'
import { createOpenBaoToken, type OpenBaoAccess } from './openbao-token.ts'
import {
  checkSecretName,
  checkSecretValue,
  mostSecrets,
  secretNotFound,
  type SecretStore,
} from './store.ts'

export interface OpenBaoOptions extends Omit<OpenBaoClientOptions, 'clock'> {
  readonly access: OpenBaoAccess
  readonly clock: Pick<Clock, 'now' | 'after' | 'sleep'>
  readonly log: Log
  /** Mount and path below which `list` looks. @default 'secret/webencode' */
  readonly listed?: string
}

/** Renews its token until it is closed. */
export interface OpenBaoStore extends SecretStore {
  close(): void
}

/** Where a value lies: field `access_key` of `webencode/s3` in the engine `secret`. */
interface Place {
  readonly mount: string
  readonly path: string
  readonly field: string
}

const readSchema = z.object({
  data: z.object({ data: z.record(z.string(), z.unknown()).nullable() }),
})
const listSchema = z.object({ data: z.object({ keys: z.array(z.string()) }) })
const subkeysSchema = z.object({
  data: z.object({ subkeys: z.record(z.string(), z.unknown()).nullable() }),
})

/** Creates the store; the server is asked when a secret is. */
export function createOpenBaoStore(options: OpenBaoOptions): OpenBaoStore {
  const { access, clock, log, listed = 'secret/webencode' } = options
  const client = createOpenBaoClient(options)
  const token = createOpenBaoToken({ client, access, clock, log })

  /** A token that was revoked is refused like a policy that is missing: one more try with another tells them apart. */
  const ask = async (request: Omit<OpenBaoRequest, 'token'>): Promise<OpenBaoAnswer> => {
    const first = await token.current()
    const answer = await client.ask({ ...request, token: first })
    if (answer.status !== 403 || !token.forget(first)) return mustBePermitted(answer, request)
    return mustBePermitted(
      await client.ask({ ...request, token: await token.current() }),
      request,
    )
  }

  /** A new path is written only if it is still new, so that nobody's fields are lost. */
  const create = async ({ mount, path, field }: Place, value: string): Promise<void> => {
    const answer = await ask({
      method: 'POST',
      path: `${mount}/data/${path}`,
      body: { options: { cas: 0 }, data: { [field]: value } },
    })
    mustBeDone(answer, `${mount}/${path}`)
  }

  const namesBelow = (folder: string): Promise<string[]> => listNames(ask, folder)

  return {
    kind: 'openbao',
    async resolve(reference) {
      const { mount, path, field } = placeOf(reference)
      const { status, body } = await ask({ method: 'GET', path: `${mount}/data/${path}` })
      const read = readSchema.safeParse(body)
      // Versions that were deleted are found, without data.
      if (status === 404) throw secretNotFound(reference)
      if (!read.success) throw unavailable(`${mount} is no key-value engine of version 2`)
      const { data } = read.data.data
      const value = data !== null && Object.hasOwn(data, field) ? data[field] : undefined
      if (value === undefined) throw secretNotFound(reference)
      if (typeof value === 'string') return value
      throw new WebEncodeError(
        'WE-PLG-003',
        `The secret "${reference}" must be text, found ${typeof value}`,
      )
    },
    async list() {
      const names = await namesBelow(listed)
      return names.toSorted().map((name) => ({ name, updatedAt: null }))
    },
    async put(name, value) {
      checkSecretValue(name, value)
      const place = placeOf(name)
      const path = `${place.mount}/data/${place.path}`
      const answer = await ask({ method: 'PATCH', path, body: { data: { [place.field]: value } } })
      if (answer.status === 404) return await create(place, value)
      mustBeDone(answer, name)
    },
    async remove(name) {
      const { mount, path, field } = placeOf(name)
      const fields = await fieldsOf(ask, mount, path)
      if (!fields.includes(field)) throw secretNotFound(name)
      // In a merge patch, null takes a field away.
      const body = { data: { [field]: null } }
      mustBeDone(await ask({ method: 'PATCH', path: `${mount}/data/${path}`, body }), name)
    },
    rotate: () =>
      Promise.reject(
        new WebEncodeError(
          'WE-PLG-003',
          'Cannot rotate the key: OpenBao has its own, and rotates it itself',
        ),
      ),
    close: () => token.close(),
  }
}

type Ask = (request: Omit<OpenBaoRequest, 'token'>) => Promise<OpenBaoAnswer>

/**
 * Reads `secret/webencode/s3/access_key`: the first word is the mount, the last the field, the rest the path.
 * @throws WE-PLG-003 when a part is missing
 */
export function placeOf(reference: string): Place {
  checkSecretName(reference)
  const [mount, ...rest] = reference.split('/')
  const field = rest.pop()
  if (mount !== undefined && field !== undefined && rest.length > 0) {
    return { mount, path: rest.join('/'), field }
  }
  throw new WebEncodeError(
    'WE-PLG-003',
    `A secret of OpenBao must be named mount/path/field, e.g. secret/webencode/s3/access_key, found "${reference}"`,
    { path: 'name' },
  )
}

/** Walks the folders, without reading a value. */
async function listNames(ask: Ask, top: string): Promise<string[]> {
  const names: string[] = []
  const folders = [top.replace(/\/$/, '')]
  for (const folder of folders) {
    const [mount = '', ...path] = folder.split('/')
    const { status, body } = await ask({
      method: 'LIST',
      path: `${mount}/metadata/${path.join('/')}`,
    })
    const found = listSchema.safeParse(body)
    if (status === 404 || !found.success) continue
    for (const key of found.data.data.keys) {
      if (key.endsWith('/')) folders.push(`${folder}/${key.slice(0, -1)}`)
      else {
        const at = [...path, key].join('/')
        const fields = await fieldsOf(ask, mount, at)
        names.push(...fields.map((field) => `${mount}/${at}/${field}`))
      }
      if (names.length >= mostSecrets || folders.length >= mostSecrets) {
        return names.slice(0, mostSecrets)
      }
    }
  }
  return names
}

/** Names of the fields at a path; none when there is nothing. */
async function fieldsOf(ask: Ask, mount: string, path: string): Promise<string[]> {
  const { status, body } = await ask({ method: 'GET', path: `${mount}/subkeys/${path}?depth=1` })
  const found = subkeysSchema.safeParse(body)
  return status === 404 || !found.success ? [] : Object.keys(found.data.data.subkeys ?? {})
}

/** @throws WE-SYS-004 when the policy of the kernel's token does not allow it */
function mustBePermitted(
  answer: OpenBaoAnswer,
  { method, path }: Omit<OpenBaoRequest, 'token'>,
): OpenBaoAnswer {
  if (answer.status !== 403) return answer
  throw unavailable(
    `permission denied: the policy of the kernel's token must allow ${method} ${path}`,
  )
}

function mustBeDone({ status, body }: OpenBaoAnswer, name: string): void {
  if (status < 300) return
  throw unavailable(`it could not change "${name}": it answered ${status} ${errorsOf(body)}`.trim())
}
