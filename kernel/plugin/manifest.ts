/** Reads and checks `plugin.toml`. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, isAbsolute, join, normalize } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { z } from 'zod'
import { isolations, pillars, type PluginManifest } from '../contract/plugin.ts'
import { secretVariables } from '../config.ts'
import { messageOf, WebEncodeError } from '../errors.ts'
import { schemaFault } from './config-schema.ts'
import { protocolVersion } from './protocol.ts'
import { isInRange, isVersion, isVersionRange } from './version-range.ts'

/** Name of the file in a plugin's folder. */
const manifestFile = 'plugin.toml'
const maxManifestBytes = 256 * 1024
/** Memory of a plugin whose manifest does not say, in MiB. */
const presetMemoryMb = 512

const name = z.string().min(1).max(1000).refine((text) => !text.includes('\0'), 'must not hold NUL')
const table = z.record(z.string(), z.unknown())

/** A comma in a permission would add another one on Deno's command line. */
const reach = z.array(name.regex(/^[^,]+$/, 'must not hold a comma')).max(100).default([])

const permissionsSchema = z.strictObject({
  net: z.array(
    z.string().regex(
      /^(\*|(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?|\$\{[a-z0-9_]+\})$/,
      'must be "host", "host:port" or "*"',
    ),
  ).max(100).default([]),
  read: reach,
  write: reach,
  env: z.array(
    z.string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable')
      .refine((variable) => !secretVariables.has(variable), 'must not be a secret of the kernel'),
  ).max(100).default([]),
  run: reach,
})

const identity = {
  id: z.string().regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'must be lower-case letters, digits and "-", 63 at most, a letter first',
  ),
  type: z.enum(pillars),
  version: z.string().refine(isVersion, 'must be a semantic version such as "1.0.0"'),
  protocol_version: z.string(),
  supported_kernel_versions: z.array(
    z.string().refine(isVersionRange, 'must be a version or a range such as "^1.0.0"'),
  ).min(1).max(50),
  main: name.default('main.ts'),
  isolation: z.enum(isolations).default('sandbox'),
}

const manifestSchema = z.object({
  plugin: z.strictObject(identity),
  capabilities: table.default({}),
  config_schema: table.default({ type: 'object', additionalProperties: false }),
  permissions: permissionsSchema.prefault({}),
  limits: z.strictObject({
    memory_mb: z.int().min(64).max(65_536).default(presetMemoryMb),
  }).prefault({}),
})

/**
 * The manifest in a folder.
 * @throws WE-PLG-003 with the `path` of the wrong entry; WE-PLG-001 when there is no manifest
 */
export async function readManifest(folder: string, kernelVersion: string): Promise<PluginManifest> {
  const manifest = parseManifest(await readText(folder), kernelVersion)
  if (manifest.id !== basename(folder)) {
    throw fault('plugin.id', `must be the name of its folder, "${basename(folder)}"`, manifest.id)
  }
  return manifest
}

/** The manifest that the text holds. @throws WE-PLG-003 with the `path` of the wrong entry */
export function parseManifest(text: string, kernelVersion: string): PluginManifest {
  const parsed = manifestSchema.safeParse(parseToml(text))
  if (!parsed.success) throw issueFault(parsed.error)
  const { plugin, capabilities, config_schema: configSchema, permissions, limits } = parsed.data
  refuseOtherVersions(plugin.protocol_version, plugin.supported_kernel_versions, kernelVersion)
  refuseOutside(plugin.main)
  const schemaMistake = schemaFault(configSchema)
  if (schemaMistake !== undefined) {
    throw fault('config_schema', `must be a JSON Schema: ${schemaMistake}`)
  }
  return {
    id: plugin.id,
    type: plugin.type,
    version: plugin.version,
    protocolVersion: plugin.protocol_version,
    supportedKernelVersions: plugin.supported_kernel_versions,
    main: plugin.main,
    isolation: plugin.isolation,
    capabilities,
    configSchema,
    permissions,
    limits: { memoryMb: limits.memory_mb },
  }
}

async function readText(folder: string): Promise<string> {
  const path = join(folder, manifestFile)
  try {
    return await readSmallFile(path)
  } catch (failure) {
    if (failure instanceof WebEncodeError) throw failure
    const sentence = `Cannot read ${manifestFile} of "${basename(folder)}": ${messageOf(failure)}`
    throw new WebEncodeError('WE-PLG-001', sentence.replaceAll(path, manifestFile), {
      cause: failure,
    })
  }
}

/** A device, a pipe or a link to one may have no end, and a pipe nobody who writes to it. */
async function readSmallFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw fault('', 'must be a file')
    if (stats.size > maxManifestBytes) {
      throw fault('', `must have at most ${maxManifestBytes} bytes`, stats.size)
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function parseToml(text: string): unknown {
  try {
    return parse(text)
  } catch (failure) {
    const place = failure instanceof TomlError ? `line ${failure.line}, ` : ''
    const [reason = ''] = messageOf(failure).split('\n')
    throw fault('', `must be TOML: ${place}${reason}`)
  }
}

function refuseOtherVersions(
  protocol: string,
  ranges: readonly string[],
  kernelVersion: string,
): void {
  if (protocol !== protocolVersion) {
    throw fault('plugin.protocol_version', `must be "${protocolVersion}"`, protocol)
  }
  if (!ranges.some((range) => isInRange(kernelVersion, range))) {
    const must = `must include this kernel's version, ${kernelVersion}`
    throw fault('plugin.supported_kernel_versions', must, ranges.join(', '))
  }
}

function refuseOutside(main: string): void {
  if (isAbsolute(main) || normalize(main).startsWith('..')) {
    throw fault('plugin.main', 'must lie in the folder of the plugin', main)
  }
}

function issueFault(error: z.ZodError): WebEncodeError {
  const [issue] = error.issues
  const key = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const path = [...(issue?.path ?? []), ...key].map(String).join('.')
  const message = issue?.code === 'unrecognized_keys'
    ? 'must be absent: there is no such entry'
    : issue?.message ?? 'must match the schema'
  return fault(path, message.replace(/^Invalid input: expected/, 'must be'))
}

function fault(path: string, must: string, found?: unknown): WebEncodeError {
  const place = path === '' ? manifestFile : `"${path}" of ${manifestFile}`
  const end = found === undefined ? '' : `, found "${String(found)}"`
  return new WebEncodeError('WE-PLG-003', `Cannot use this plugin: ${place} ${must}${end}`, {
    path,
  })
}
