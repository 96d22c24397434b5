/** Turns the JSON Schema of a plugin's configuration into fields of a form, and what a person filled in into a configuration. */

/** How a value is asked for. */
export type ConfigFieldKind =
  | 'text'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'list'
  | 'reference'
  | 'json'

/** One field. */
export interface ConfigField {
  /** Property of the configuration. */
  readonly name: string
  readonly kind: ConfigFieldKind
  readonly label: string
  readonly hint: string
  readonly isRequired: boolean
  /** As the control shows it. */
  readonly value: string
  readonly placeholder: string
  readonly choices: readonly string[]
  readonly min: number | undefined
  readonly max: number | undefined
}

type Schema = Readonly<Record<string, unknown>>
type Config = Readonly<Record<string, unknown>>

/** Prefix of the names of the controls, apart from those of the form itself. */
export const fieldPrefix = 'config.'

/** The fields of a schema, in its order, filled with a configuration. */
export function configFieldsFrom(schema: Schema, config: Config): ConfigField[] {
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  return Object.entries(recordOf(schema['properties'])).map(([name, property]) => {
    const part = recordOf(property)
    const kind = kindOf(name, part)
    return {
      name,
      kind,
      label: labelOf(name, part),
      hint: hintOf(kind, part),
      isRequired: required.includes(name),
      value: shownValue(kind, config[name]),
      placeholder: part['default'] === undefined ? '' : shownValue(kind, part['default']),
      choices: listOf(part['enum']).map(String),
      min: numberOf(part['minimum']),
      max: numberOf(part['maximum']),
    }
  })
}

/** The fields with what a person filled in, so that a refused form comes back as it was. */
export function refilled(fields: readonly ConfigField[], form: FormValues): ConfigField[] {
  return fields.map((field) => ({ ...field, value: form[fieldPrefix + field.name] ?? '' }))
}

export type FormValues = Readonly<Record<string, string>>

/**
 * The configuration that a form describes. An empty control leaves its property out; what is no number stays text, for the schema
 * to refuse with its path.
 */
export function configFromForm(fields: readonly ConfigField[], form: FormValues): Config {
  const entries = fields.map(({ name, kind }) =>
    [name, valueFrom(kind, form[fieldPrefix + name] ?? '')] as const
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function valueFrom(kind: ConfigFieldKind, text: string): unknown {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  switch (kind) {
    case 'number':
    case 'integer':
      return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed
    case 'boolean':
      return trimmed === 'true' ? true : trimmed === 'false' ? false : trimmed
    case 'list':
      return trimmed.split('\n').map((line) => line.trim()).filter(Boolean)
    case 'json':
      return jsonOf(trimmed)
    case 'text':
    case 'choice':
    case 'reference':
      return trimmed
  }
}

/** Text that is no JSON stays text, for the schema to refuse. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (failure) {
    if (failure instanceof SyntaxError) return text
    throw failure
  }
}

function kindOf(name: string, { type, enum: choices, items }: Schema): ConfigFieldKind {
  if (Array.isArray(choices)) return 'choice'
  switch (type) {
    case 'string':
      return name.endsWith('_ref') ? 'reference' : 'text'
    case 'number':
    case 'integer':
    case 'boolean':
      return type
    case 'array':
      return recordOf(items)['type'] === 'string' ? 'list' : 'json'
    default:
      return 'json'
  }
}

function labelOf(name: string, { title }: Schema): string {
  if (typeof title === 'string') return title
  const words = name.replace(/_ref$/, '').replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const kindHints: Partial<Record<ConfigFieldKind, string>> = {
  reference:
    'The name under which the secret store keeps it, such as secret/webencode/s3/key. The secret itself is never stored here.',
  list: 'One on each line.',
  json: 'As JSON.',
}

function hintOf(kind: ConfigFieldKind, { description }: Schema): string {
  const own = typeof description === 'string' ? description : ''
  const added = kindHints[kind] ?? ''
  if (own === '' || added === '') return own + added
  return `${own.replace(/\.?$/, '.')} ${added}`
}

function shownValue(kind: ConfigFieldKind, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (kind === 'list' && Array.isArray(value)) return value.map(String).join('\n')
  return typeof value === 'string' && kind !== 'json' ? value : JSON.stringify(value)
}

function recordOf(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Schema : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
