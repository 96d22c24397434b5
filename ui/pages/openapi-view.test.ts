import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiViewFrom } from './openapi-view.ts'

const document = {
  openapi: '3.1.0',
  info: { title: 'T', version: '1' },
  paths: {
    '/health': { get: { summary: 'Lives', responses: { 200: { description: 'ok' } } } },
    '/v1/jobs': {
      post: {
        summary: 'Create',
        requestBody: {
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Create' } } },
        },
        responses: {
          201: {
            description: 'Made',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Node' } } },
          },
        },
      },
    },
    '/v1/jobs/{id}': {
      get: {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: {},
      },
    },
  },
  components: {
    schemas: {
      Create: {
        type: 'object',
        required: ['source_url', 'kind'],
        properties: {
          source_url: { type: 'string', maxLength: 10 },
          kind: { type: 'string', enum: ['a', 'b'] },
          limit: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }], default: 5 },
        },
      },
      Node: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          children: { type: 'array', items: { $ref: '#/components/schemas/Node' } },
        },
      },
    },
  },
}

const view = apiViewFrom(document, 'https://w.example')

test('apiViewFrom() groups operations by resource, the system last', () => {
  assert.deepEqual(
    view.groups.map(({ name, operations }) => [name, operations.map(({ id }) => id)]),
    [['Jobs', ['post-v1-jobs', 'get-v1-jobs-id']], ['System', ['get-health']]],
  )
})

test('apiViewFrom() lists the fields of a body with what is allowed', () => {
  const create = view.groups[0]?.operations[0]
  assert.deepEqual(create?.body?.fields, [
    { name: 'source_url', type: 'string', isRequired: true, notes: 'at most 10 characters' },
    { name: 'kind', type: 'string', isRequired: true, notes: 'one of a, b' },
    { name: 'limit', type: 'integer or null', isRequired: false, notes: 'at least 1; default 5' },
  ])
})

test('apiViewFrom() ends at a bounded depth of a schema that contains itself', () => {
  const fields = view.groups[0]?.operations[0]?.responses[0]?.fields ?? []
  assert.deepEqual(fields[1]?.type, 'list of object')
  assert.ok(fields.length < 20, String(fields.length))
})

test('apiViewFrom() writes an example that can be pasted into a shell', () => {
  assert.equal(
    view.groups[0]?.operations[0]?.curl,
    [
      `curl -X POST 'https://w.example/v1/jobs' \\`,
      `  -H "Authorization: Bearer $WEBENCODE_TOKEN" \\`,
      `  -H 'Content-Type: application/json' \\`,
      `  -d '{"source_url":"https://example.com/video.mp4","kind":"a"}'`,
    ].join('\n'),
  )
})

test('apiViewFrom() names the place of a parameter', () => {
  assert.deepEqual(view.groups[0]?.operations[1]?.parameters, [
    { name: 'id', type: 'string', isRequired: true, notes: '', in: 'path' },
  ])
})
