/** The OpenAPI document as the page of the API shows it: operations in groups, schemas as flat lists of fields. */
import { z } from 'zod'

/** A field of a body or a parameter. */
export interface FieldView {
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  readonly notes: string
}

export interface OperationView {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly parameters: readonly (FieldView & { readonly in: string })[]
  readonly body: { readonly contentType: string; readonly fields: readonly FieldView[] } | undefined
  readonly responses: readonly {
    readonly status: string
    readonly description: string
    readonly fields: readonly FieldView[]
  }[]
  readonly curl: string
}

export interface GroupView {
  readonly name: string
  readonly operations: readonly OperationView[]
}

export interface ApiView {
  readonly title: string
  readonly version: string
  readonly groups: readonly GroupView[]
}

/** Group of what is about no resource; it comes last. */
const system = 'System'

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const

type Schema = z.infer<typeof schemaSchema>
const anyRecord = z.record(z.string(), z.unknown())
/** The parts of JSON Schema that the page shows; everything else is ignored. */
const schemaSchema = z.object({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  pattern: z.string().optional(),
  required: z.array(z.string()).optional(),
  properties: anyRecord.optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
})
const contentSchema = z.record(z.string(), z.object({ schema: z.unknown() })).optional()
const operationSchema = z.object({
  summary: z.string().default(''),
  description: z.string().default(''),
  parameters: z.array(z.object({
    name: z.string(),
    in: z.string(),
    required: z.boolean().default(false),
    description: z.string().optional(),
    schema: z.unknown(),
  })).default([]),
  requestBody: z.object({ content: contentSchema }).optional(),
  responses: z.record(
    z.string(),
    z.object({ description: z.string().default(''), content: contentSchema }),
  ).default({}),
})
const documentSchema = z.object({
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(z.string(), anyRecord).default({}),
  components: z.object({ schemas: anyRecord.default({}) }).default({ schemas: {} }),
})

/** Deeper fields than this are left to the reader of the document itself. */
const deepest = 4

/**
 * The document as a view.
 * @param origin - of the examples, e.g. `https://video.example.com`
 */
export function apiViewFrom(openapi: object, origin: string): ApiView {
  const { info, paths, components } = documentSchema.parse(openapi)
  const schemas = new SchemaReader(components.schemas)
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method] !== undefined).map((method) =>
      operationFrom(method, path, operationSchema.parse(item[method]), schemas, origin)
    )
  )
  const groups = Map.groupBy(operations, ({ path }) => groupOf(path))
  const names = [...groups.keys()].filter((name) => name !== system)
  if (groups.has(system)) names.push(system)
  return {
    ...info,
    groups: names.map((name) => ({ name, operations: groups.get(name) ?? [] })),
  }
}

function operationFrom(
  method: string,
  path: string,
  operation: z.infer<typeof operationSchema>,
  schemas: SchemaReader,
  origin: string,
): OperationView {
  const [contentType, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
  const body = contentType === undefined || media === undefined
    ? undefined
    : { contentType, fields: schemas.fieldsOf(media.schema) }
  return {
    id: `${method}${path}`.replaceAll(/[^a-z0-9]+/gi, '-').replace(/-$/, ''),
    method: method.toUpperCase(),
    path,
    summary: operation.summary,
    description: operation.description,
    parameters: operation.parameters.map((parameter) => ({
      ...schemas.fieldFrom(parameter.name, parameter.schema, parameter.required),
      in: parameter.in,
    })),
    body,
    responses: Object.entries(operation.responses).map(([status, { description, content }]) => ({
      status,
      description,
      fields: schemas.fieldsOf(Object.values(content ?? {})[0]?.schema),
    })),
    curl: curlOf(method, origin + path, body, media && schemas.exampleOf(media.schema)),
  }
}

/** Reads schemas of one document, following its references. */
class SchemaReader {
  readonly #components: Readonly<Record<string, unknown>>

  constructor(components: Readonly<Record<string, unknown>>) {
    this.#components = components
  }

  /** The fields of an object, or of the objects of a list; nested ones with dotted names. */
  fieldsOf(raw: unknown, prefix = '', depth = 0): FieldView[] {
    const schema = this.#resolve(raw)
    if (schema.items !== undefined) return this.fieldsOf(schema.items, `${prefix}[]`, depth)
    return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
      const name = prefix === '' ? key : `${prefix}.${key}`
      const field = this.fieldFrom(name, property, schema.required?.includes(key) ?? false)
      const nested = depth < deepest ? this.fieldsOf(property, name, depth + 1) : []
      return [field, ...nested]
    })
  }

  /** One field. */
  fieldFrom(name: string, raw: unknown, isRequired: boolean): FieldView {
    const schema = this.#resolve(raw)
    return { name, type: this.#typeOf(schema), isRequired, notes: notesOf(schema) }
  }

  /** A small example: the required fields, and nothing else. */
  exampleOf(raw: unknown): unknown {
    const schema = this.#resolve(raw)
    if (schema.enum !== undefined) return schema.enum[0]
    switch (schema.type) {
      case 'object':
        return Object.fromEntries(
          (schema.required ?? []).map((key) => [
            key,
            exampleValues[key] ?? this.exampleOf(schema.properties?.[key]),
          ]),
        )
      case 'array':
        return []
      case 'integer':
      case 'number':
        return schema.minimum ?? 0
      case 'boolean':
        return true
      default:
        return '…'
    }
  }

  /** A union with null, or an intersection, reads as its first real member. */
  #resolve(raw: unknown, depth = 0): Schema {
    const schema = schemaSchema.safeParse(raw).data ?? {}
    if (depth > 8) return schema
    if (schema.$ref !== undefined) {
      return this.#resolve(this.#components[schema.$ref.split('/').at(-1) ?? ''], depth + 1)
    }
    const members = schema.anyOf ?? schema.oneOf ?? schema.allOf
    if (members === undefined) return schema
    const real = members.map((member) => this.#resolve(member, depth + 1))
      .filter((member) => member.type !== 'null')
    const isNullable = real.length < members.length
    const first = real[0] ?? {}
    return {
      ...first,
      type: isNullable ? `${typeText(first)} or null` : typeText(first),
      description: schema.description ?? first.description,
      default: schema.default ?? first.default,
    }
  }

  #typeOf(schema: Schema): string {
    if (schema.items !== undefined) return `list of ${this.#typeOf(this.#resolve(schema.items))}`
    return typeText(schema)
  }
}

/** Values that make the examples of the page work. */
const exampleValues: Readonly<Record<string, string>> = {
  source_url: 'https://example.com/video.mp4',
  profile: '720p_h264',
}

function typeText({ type, const: constant, format }: Schema): string {
  if (constant !== undefined) return JSON.stringify(constant)
  const text = Array.isArray(type) ? type.join(' or ') : type ?? 'any'
  return format === undefined ? text : `${text} (${format})`
}

function notesOf(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength } = schema
  return [
    schema.description,
    schema.enum && `one of ${schema.enum.map(String).join(', ')}`,
    minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && `at least ${minimum}`,
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && `at most ${maximum}`,
    minLength !== undefined && `at least ${minLength} characters`,
    maxLength !== undefined && `at most ${maxLength} characters`,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
  ].filter(Boolean).join('; ')
}

/** Resources that are shown with another one. */
const groupsByResource: Readonly<Record<string, string>> = {
  tasks: 'Jobs',
  me: system,
  stats: system,
  errors: system,
}

/** `/v1/jobs/{id}` belongs to `Jobs`; what has no version to the system. */
function groupOf(path: string): string {
  const resource = /^\/v\d+\/([a-z-]+)/.exec(path)?.[1]
  if (resource === undefined) return system
  return groupsByResource[resource] ?? resource.charAt(0).toUpperCase() + resource.slice(1)
}

function curlOf(
  method: string,
  url: string,
  body: OperationView['body'],
  example: unknown,
): string {
  const lines = [
    `curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}'${url}'`,
    `-H "Authorization: Bearer $WEBENCODE_TOKEN"`,
  ]
  if (body?.contentType === 'application/json') {
    lines.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(example)}'`)
  } else if (body?.contentType === 'multipart/form-data') {
    lines.push(`-F 'file=@video.mp4'`)
  }
  return lines.join(' \\\n  ')
}
