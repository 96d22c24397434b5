/** The plugin's end of the secret broker. */
import { ChannelCredentials } from '@grpc/grpc-js'
import { WebEncodeError } from '../../errors.ts'
import { connectPlugin } from '../client.ts'
import { type Method, serviceOf } from '../services.ts'
import { failureFrom } from '../wire-error.ts'

/** Longest wait for a secret, in milliseconds: the kernel may have to ask its store. */
const timeoutMs = 10_000

/** Gives the secrets that the plugin's own configuration names. */
export interface PluginSecrets {
  /** @throws WE-AUTH-003 for a reference that the configuration does not name, WE-PLG-003 when there is no such secret */
  resolve(reference: string): Promise<string>
  close(): void
}

/** @param socket - of the broker; undefined where there is none */
export function connectSecrets(socket: string | undefined): PluginSecrets {
  if (socket === undefined) return { resolve: refuse, close() {} }
  const connection = connectPlugin(`unix:${socket}`, ChannelCredentials.createInsecure())
  return {
    async resolve(reference) {
      const method = serviceOf('secrets')['Resolve'] as Method
      try {
        const answer = await connection.unary(method, { reference }, { timeoutMs })
        return String(Reflect.get(answer as object, 'value'))
      } catch (failure) {
        throw failureFrom(failure, {
          plugin: 'kernel',
          pillar: 'auth',
          method: 'Resolve',
          timeoutMs,
        })
      }
    },
    close: () => connection.close(),
  }
}

function refuse(reference: string): Promise<never> {
  const message = `Cannot give secret "${reference}": the kernel must serve secrets, and does not`
  return Promise.reject(new WebEncodeError('WE-PLG-003', message))
}
