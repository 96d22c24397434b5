import assert from 'node:assert/strict'
import { Metadata, status } from '@grpc/grpc-js'
import { test } from 'node:test'
import { WebEncodeError } from '../errors.ts'
import { failureFrom, statusFrom } from './wire-error.ts'

const asked = { plugin: 'p', pillar: 'storage', method: 'Browse', timeoutMs: 1000 } as const

const answerOf = (code: status, details: string) =>
  Object.assign(new Error(details), { code, details, metadata: new Metadata() })

test('failureFrom() takes the word of a storage that it is full', () => {
  const full = answerOf(status.RESOURCE_EXHAUSTED, 'the quota of the message store is larger')
  assert.equal(failureFrom(full, asked).code, 'WE-STO-003')
  assert.equal(failureFrom(full, { ...asked, pillar: 'publisher' }).code, 'WE-PLG-005')
  const ours = statusFrom(new WebEncodeError('WE-STO-003', 'Received message larger than max'))
  assert.equal(failureFrom(ours, asked).code, 'WE-STO-003')
})

test('failureFrom() knows what gRPC itself says of a message that is too large', () => {
  const sentences = [
    'Received message larger than max (9000014 vs 8388608)', // grpc-js
    'Received message that decompresses to a size larger than 8388608',
    'Attempted to send message with a size larger than 8388608',
    'Sent message larger than max (9000014 vs. 8388608)',
    'grpc: received message larger than max (9000014 vs. 8388608)', // grpc-go
    'grpc: message after decompression larger than max (9000014 vs. 8388608)',
    'trying to send message larger than max (9000014 vs. 8388608)',
    'CLIENT: Received message larger than max (9000014 vs. 8388608)', // Python and C++
    'gRPC message exceeds maximum size 8388608: 9000014', // Java
  ]
  for (const details of sentences) {
    const { code, next, message } = failureFrom(answerOf(status.RESOURCE_EXHAUSTED, details), asked)
    assert.deepEqual([code, next], ['WE-PLG-006', 'stop'], details)
    assert.ok(message.endsWith(`at most 8388608 bytes, and one has more (${details})`), message)
  }
})
