/** The gRPC services of plugins, loaded from their .proto files at run time. */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pillar } from '../contract/plugin.ts'

/** A method with its messages as plain objects. Field names are camel case; an int64 is a number; an absent field has its default. */
export type Method = MethodDefinition<object, object>
/** The methods of a service by the names they have in the .proto file. */
export type Service = Readonly<Record<string, Method>>

/** Folder of the .proto files. A sandboxed plugin must be able to read it. */
export const protoDirectory = fileURLToPath(new URL('./proto', import.meta.url))

const names = {
  auth: ['auth.proto', 'plugin.auth.Authenticator'],
  storage: ['storage.proto', 'plugin.storage.StorageProvider'],
  encoder: ['encoder.proto', 'plugin.encoder.EncoderEngine'],
  live: ['live.proto', 'plugin.live.LiveEngine'],
  publisher: ['publisher.proto', 'plugin.publisher.Publisher'],
  health: ['health.proto', 'grpc.health.v1.Health'],
  control: ['plugin.proto', 'plugin.Control'],
  secrets: ['secrets.proto', 'plugin.secrets.Secrets'],
} as const satisfies Record<Pillar | 'health' | 'control' | 'secrets', readonly [string, string]>

/** What can be served: a pillar, or a service that all pillars share. */
export type ServiceName = keyof typeof names

const loaded = new Map<ServiceName, Service>()

/** The service; its file is read once. */
export function serviceOf(name: ServiceName): Service {
  const known = loaded.get(name)
  if (known !== undefined) return known
  const [file, service] = names[name]
  const found = loadSync(join(protoDirectory, file), {
    keepCase: false,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })[service]
  if (found === undefined) throw new TypeError(`${file} has no service ${service}`)
  const methods = found as unknown as Service
  loaded.set(name, methods)
  return methods
}

/** The service as grpc-js wants it. */
export function definitionOf(service: Service): ServiceDefinition {
  return service
}
