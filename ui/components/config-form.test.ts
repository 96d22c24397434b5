import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configFieldsFrom, configFromForm, refilled } from './config-form.ts'

const schema = {
  type: 'object',
  required: ['bucket', 'secret_key_ref'],
  properties: {
    bucket: { type: 'string', description: 'Bucket of the objects' },
    secret_key_ref: { type: 'string', description: 'Key of the account' },
    part_mb: { type: 'integer', minimum: 5, maximum: 100, default: 8 },
    ratio: { type: 'number' },
    path_style: { type: 'boolean' },
    checksum: { enum: ['required', 'supported'] },
    hosts: { type: 'array', items: { type: 'string' } },
    extra: { type: 'object' },
  },
}
const config = {
  bucket: 'media',
  secret_key_ref: 'secret/s3',
  part_mb: 16,
  ratio: 0.5,
  path_style: true,
  checksum: 'required',
  hosts: ['a', 'b'],
  extra: { deep: [1] },
}
const formOf = (fields: ReturnType<typeof configFieldsFrom>) =>
  Object.fromEntries(fields.map(({ name, value }) => [`config.${name}`, value]))

test('configFieldsFrom() asks for every property in its way', () => {
  const fields = configFieldsFrom(schema, {})
  assert.deepEqual(fields.map(({ name, kind, isRequired }) => [name, kind, isRequired]), [
    ['bucket', 'text', true],
    ['secret_key_ref', 'reference', true],
    ['part_mb', 'integer', false],
    ['ratio', 'number', false],
    ['path_style', 'boolean', false],
    ['checksum', 'choice', false],
    ['hosts', 'list', false],
    ['extra', 'json', false],
  ])
  const [bucket, secret, part, , , checksum] = fields
  assert.deepEqual([bucket?.label, bucket?.hint], ['Bucket', 'Bucket of the objects'])
  assert.equal(secret?.label, 'Secret key')
  assert.match(secret?.hint ?? '', /^Key of the account\. .*never stored here/)
  assert.deepEqual([part?.min, part?.max, part?.placeholder], [5, 100, '8'])
  assert.deepEqual(checksum?.choices, ['required', 'supported'])
})

test('configFromForm() gives back the configuration that the fields showed', () => {
  const fields = configFieldsFrom(schema, config)
  assert.deepEqual(configFromForm(fields, formOf(fields)), config)
})

test('configFromForm() leaves out what is empty, and leaves mistakes to the schema', () => {
  const fields = configFieldsFrom(schema, {})
  assert.deepEqual(configFromForm(fields, formOf(fields)), {})
  const wrong = { 'config.part_mb': 'many', 'config.extra': '{', 'config.path_style': 'maybe' }
  assert.deepEqual(configFromForm(fields, wrong), {
    part_mb: 'many',
    path_style: 'maybe',
    extra: '{',
  })
  assert.equal(refilled(fields, wrong).find(({ name }) => name === 'part_mb')?.value, 'many')
})

test('configFieldsFrom() makes no field of a schema without properties', () => {
  assert.deepEqual(configFieldsFrom({ type: 'object' }, { a: 1 }), [])
})
