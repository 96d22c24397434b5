import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Bench, openBench } from './fixture.ts'
import { apiRules } from './permissions.ts'

interface Operation {
  readonly summary: string
  readonly parameters?: { readonly in: string; readonly name: string; readonly schema: object }[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> }
  readonly responses: Record<string, { readonly description: string }>
}
interface Description {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: {
    readonly schemas: Record<string, { required?: string[]; properties?: object }>
  }
}

let bench: Bench
let description: Description
before(async () => {
  bench = await openBench()
  description = await (await bench.app.request('/openapi.json')).json() as Description
})
after(() => bench.close())

const operations = () =>
  Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  )

/** Everything that `key` names, anywhere. */
function valuesOf(node: unknown, key: string): unknown[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([name, value]) =>
    name === key ? [value, ...valuesOf(value, key)] : valuesOf(value, key)
  )
}

test('/openapi.json describes every route of the API', () => {
  assert.equal(description.openapi, '3.1.0')
  const described = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`)
  const undescribed = ['/auth/', '/v1/files/tus', '/v1/objects', '/v1/ws', '/openapi.json']
  const expected = apiRules
    .filter(({ path }) => !undescribed.some((prefix) => path.startsWith(prefix)))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  assert.deepEqual(described.sort(), expected.sort())
})

test('/openapi.json declares the parameters of every path', () => {
  for (const { path, operation } of operations()) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    assert.deepEqual(declared.map(({ name }) => name).sort(), inPath.sort(), path)
  }
})

test('/openapi.json has a summary, a success and a failure for every operation', () => {
  for (const { path, method, operation } of operations()) {
    assert.ok(operation.summary, `${method} ${path}`)
    const statuses = Object.keys(operation.responses)
    assert.ok(statuses.some((status) => status.startsWith('2')), `${method} ${path}`)
    assert.ok(statuses.includes('default'), `${method} ${path}`)
  }
})

test('/openapi.json refers only to what it has', () => {
  const refs = valuesOf(description, '$ref')
  assert.ok(refs.length > 10)
  for (const ref of refs) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(String(ref))?.[1] ?? ''
    assert.ok(name in description.components.schemas, String(ref))
  }
})

test('/openapi.json has only patterns that other programs can read', () => {
  const patterns = valuesOf(description, 'pattern').map(String)
  assert.ok(patterns.length > 5)
  for (const pattern of patterns) {
    assert.doesNotThrow(() => new RegExp(pattern), pattern)
    // The slash and flags of a literal, and classes that need a flag.
    assert.doesNotMatch(pattern, /^\/|\$\/[a-z]*$|\\p\{/)
  }
})

test('/openapi.json says that text holds no control characters', () => {
  const { NewJob } = description.components.schemas
  const properties = NewJob?.properties as Record<string, { pattern?: string }> | undefined
  const pattern = new RegExp(properties?.['source_url']?.pattern ?? assert.fail('no pattern'))
  assert.match('https://a/ü 1', pattern)
  assert.doesNotMatch('https://a/\u0000', pattern)
})

test('/openapi.json describes the schema that checks a new job', () => {
  const { NewJob } = description.components.schemas
  assert.deepEqual(NewJob?.required, ['source_url', 'profile'])
  assert.deepEqual(Object.keys(NewJob?.properties ?? {}), [
    'source_url',
    'profile',
    'overrides',
    'priority',
    'deadline',
  ])
})
