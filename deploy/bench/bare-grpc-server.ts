/** The plainest gRPC server: answers a storage's GetObjectMetadata at once. `node bare-grpc-server.js SOCKET` says when it listens. */
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js'
import process from 'node:process'
import { promisify } from 'node:util'
import { definitionOf, serviceOf } from '../../kernel/plugin/services.ts'

const [, , socket = ''] = process.argv
const server = new Server()
const answer = { size: 1_000_000, contentType: 'application/octet-stream', etag: '"f4240"' }
server.addService(definitionOf(serviceOf('storage')), {
  GetObjectMetadata: (call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) =>
    reply(null, { path: Reflect.get(call.request, 'path'), ...answer }),
})
await promisify(server.bindAsync.bind(server))(
  `unix:${socket}`,
  ServerCredentials.createInsecure(),
)
process.stdout.write('listening\n')
