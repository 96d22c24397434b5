/** Secrets of one box: sealed values in a file of the data folder, their key in another, which may lie elsewhere. */
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { WebEncodeError } from '../../errors.ts'
import { createKeyFile, readKeyFile, writeKeyFile } from './key-file.ts'
import { readPrivateFile, writePrivateFile } from './private-file.ts'
import {
  createSealingKey,
  seal,
  type SealedValue,
  sealedValueSchema,
  type SealingKey,
  unseal,
} from './seal.ts'
import {
  checkSecretName,
  checkSecretValue,
  mostSecrets,
  secretNotFound,
  type SecretStore,
} from './store.ts'

export interface SealedStoreOptions {
  /** File of the sealed values. */
  readonly file: string
  /** File of the key, made with the first secret. */
  readonly keyFile: string
  readonly clock: Pick<Clock, 'now'>
}

const fileSchema = z.strictObject({
  version: z.literal(1),
  values: z.record(z.string(), sealedValueSchema),
})
type Values = Readonly<Record<string, SealedValue>>
type Keys = readonly [SealingKey, ...SealingKey[]]

/**
 * Creates a store that needs no server; its files are read when they are needed. Calls are served one after the other
 * inside one process; there is no lock between processes, so of two kernels that change it at the same time one change
 * may be lost. Clusters use OpenBao. A rotation that is killed at any moment leaves every secret able to open, and the
 * next change or rotation finishes it.
 */
export function createSealedStore(options: SealedStoreOptions): SecretStore {
  const { file, keyFile, clock } = options
  let last: Promise<unknown> = Promise.resolve()

  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = last.then(change)
    last = turn.catch(() => {}) // the caller gets the failure; the next change does not care
    return turn
  }

  /** Values without a key are lost, and a new key would hide that. */
  const openKeys = async (values: Values): Promise<Keys> => {
    const keys = await readKeyFile(keyFile)
    if (keys !== undefined) return keys
    if (Object.keys(values).length === 0) return await createKeyFile(keyFile)
    const problem =
      `The sealed secrets in ${file} need the key file ${keyFile}, and it is not there`
    throw new WebEncodeError('WE-PLG-003', problem, { next: 'pause' })
  }

  const change = (edit: (values: Values, key: SealingKey) => Values) =>
    inTurn(async () => {
      const values = await readValues(file)
      const keys = await openKeys(values)
      await writeValues(file, sealedAnew(edit(values, keys[0]), keys, keyFile))
      if (keys.length > 1) await writeKeyFile(keyFile, keys.slice(0, 1))
    })

  return {
    kind: 'sealed',
    // In turn too: values from before a rotation do not open with the key from after it.
    resolve: (reference) =>
      inTurn(async () => {
        const values = await readValues(file)
        const value = ownValue(values, reference)
        if (value === undefined) throw secretNotFound(reference.slice(0, 200))
        return opened(await openKeys(values), reference, value, keyFile)
      }),
    async list() {
      const values = await readValues(file)
      return Object.entries(values)
        .map(([name, { updatedAt }]) => ({ name, updatedAt }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    },
    async put(name, value) {
      checkSecretName(name)
      checkSecretValue(name, value)
      await change((values, key) => {
        mustHaveRoom(values, name)
        const updatedAt = new Date(clock.now()).toISOString()
        return { ...values, [name]: seal(key, name, value, updatedAt) }
      })
    },
    async remove(name) {
      await change((values) => {
        if (ownValue(values, name) === undefined) throw secretNotFound(name.slice(0, 200))
        return Object.fromEntries(Object.entries(values).filter(([other]) => other !== name))
      })
    },
    // First both keys are kept, then everything is sealed anew, then the old key goes: each step is whole or not there.
    rotate: () =>
      inTurn(async () => {
        const values = await readValues(file)
        const before = await openKeys(values)
        const keys: Keys = [createSealingKey(), ...before]
        await writeKeyFile(keyFile, keys)
        await writeValues(file, sealedAnew(values, keys, keyFile))
        await writeKeyFile(keyFile, keys.slice(0, 1))
      }),
  }
}

/** The same values, all under the first key. @throws WE-PLG-003 when one does not open */
function sealedAnew(values: Values, keys: Keys, keyFile: string): Values {
  const [first] = keys
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (value.keyId === first.id) return [name, value]
      return [name, seal(first, name, opened(keys, name, value, keyFile), value.updatedAt)]
    }),
  )
}

/** @throws WE-PLG-003 when the key is another one, or the value was changed */
function opened(keys: Keys, name: string, value: SealedValue, keyFile: string): string {
  const key = keys.find(({ id }) => id === value.keyId)
  const text = key === undefined ? undefined : unseal(key, name, value)
  if (text !== undefined) return text
  const reason = key === undefined
    ? `it was sealed with the key ${value.keyId}, and ${keyFile} holds ${
      keys.map(({ id }) => id).join(', ')
    }`
    : 'its sealed value must be as this program wrote it, and it was changed'
  throw new WebEncodeError('WE-PLG-003', `Cannot open the secret "${name}": ${reason}`, {
    next: 'pause',
  })
}

function mustHaveRoom(values: Values, name: string): void {
  const count = Object.keys(values).length
  if (count < mostSecrets || ownValue(values, name) !== undefined) return
  const problem =
    `Cannot keep the secret "${name}": there may be ${mostSecrets}, and there are ${count}`
  throw new WebEncodeError('WE-PLG-003', problem)
}

/** `constructor` and its like are names like others. */
function ownValue(values: Values, name: string): SealedValue | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined
}

async function readValues(file: string): Promise<Values> {
  const text = await readPrivateFile(file)
  if (text === undefined) return {}
  try {
    return fileSchema.parse(JSON.parse(text)).values
  } catch (cause) {
    const problem =
      `The file ${file} must hold sealed secrets as this program wrote them, and does not`
    throw new WebEncodeError('WE-PLG-003', problem, { next: 'pause', cause })
  }
}

async function writeValues(file: string, values: Values): Promise<void> {
  await writePrivateFile(file, JSON.stringify({ version: 1, values }) + '\n')
}
