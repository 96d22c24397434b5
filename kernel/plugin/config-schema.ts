/** The JSON Schema of a plugin's configuration: compiled, and applied to what an admin gives. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { messageOf, WebEncodeError } from '../errors.ts'

/** A schema as a manifest holds it. */
export type ConfigSchema = Readonly<Record<string, unknown>>

/** Checks configurations against schemas; a schema is compiled once. */
export interface ConfigChecker {
  /** @returns the configuration with the schema's defaults. @throws WE-PLG-003 with `path` when it breaks the schema */
  check(plugin: string, schema: ConfigSchema, config: unknown): Record<string, unknown>
}

/** Why the schema cannot be used; undefined when it can. */
export function schemaFault(schema: ConfigSchema): string | undefined {
  if (schema['type'] !== 'object') {
    return `its type must be "object", found ${JSON.stringify(schema['type'])}`
  }
  try {
    compile(schema)
    return undefined
  } catch (failure) {
    return messageOf(failure)
  }
}

/** A checker that remembers compiled schemas for as long as their manifests live. */
export function createConfigChecker(): ConfigChecker {
  const compiled = new WeakMap<ConfigSchema, ValidateFunction>()
  return {
    check(plugin, schema, config) {
      const validate = compiled.get(schema) ?? compile(schema)
      compiled.set(schema, validate)
      const copy: unknown = structuredClone(config)
      if (validate(copy)) return copy as Record<string, unknown>
      throw configFailure(plugin, validate.errors?.[0])
    },
  }
}

/** Unknown keywords and formats are hints for forms, no rules. */
function compile(schema: ConfigSchema): ValidateFunction {
  const ajv = new Ajv({ strict: false, useDefaults: true, validateFormats: false, logger: false })
  return ajv.compile(schema)
}

function configFailure(plugin: string, error: ErrorObject | undefined): WebEncodeError {
  const path = pathOf(error)
  const place = path === '' ? 'it' : `"${path}"`
  const sentence = `Cannot use this configuration of plugin "${plugin}": ${place} ${mustOf(error)}`
  return new WebEncodeError('WE-PLG-003', sentence, { path })
}

/** What the schema asks for, without the value that was given: it may be a secret. */
function mustOf(error: ErrorObject | undefined): string {
  switch (error?.keyword) {
    case 'required':
      return 'must be given'
    case 'additionalProperties':
      return 'must be absent: there is no such setting'
    case 'enum':
      return `must be one of ${JSON.stringify(error?.params['allowedValues'])}`
    default:
      return error?.message ?? 'must match the schema'
  }
}

function pathOf(error: ErrorObject | undefined): string {
  if (error === undefined) return ''
  const parts = error.instancePath.split('/').slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const property: unknown = error.params['missingProperty'] ?? error.params['additionalProperty']
  return [...parts, ...(typeof property === 'string' ? [property] : [])].join('.')
}
