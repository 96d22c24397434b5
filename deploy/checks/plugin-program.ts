/** A plugin in TypeScript for checks, written into a folder of its own. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a version does. */
export interface PluginProgram {
  readonly version?: string
  readonly protocolVersion?: string
  /** Every call fails. */
  readonly fails?: boolean
  /** It ends before it shakes hands. */
  readonly crashes?: boolean
}

/** Writes a publisher that answers with its version. @returns its folder */
export function writePlugin(
  parent: string,
  id: string,
  { version = '1.0.0', protocolVersion = '1', fails = false, crashes = false }: PluginProgram = {},
): string {
  const folder = join(parent, id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'plugin.toml'),
    `
[plugin]
id = "${id}"
type = "publisher"
version = "${version}"
protocol_version = "${protocolVersion}"
supported_kernel_versions = [">=0.1.0"]
main = "main.ts"

[capabilities]
platforms = ["check"]

[config_schema]
type = "object"
additionalProperties = false

[config_schema.properties.channel]
type = "string"
minLength = 3
description = "Where videos go"

[config_schema.properties.retries]
type = "integer"
minimum = 0
maximum = 9

[config_schema.properties.public]
type = "boolean"

[config_schema.properties.client_secret_ref]
type = "string"
description = "Secret of the account"
`,
  )
  writeFileSync(
    join(folder, 'main.ts'),
    `
import { definePlugin } from 'webencode/plugin'
import { WebEncodeError } from 'webencode/errors'
${crashes ? 'throw new Error("It ends on purpose")' : ''}
await definePlugin({
  pillar: 'publisher',
  implement: ({ log, config, metrics }) => {
    metrics.count('starts_total')
    log.info('It publishes to ' + (config.channel ?? 'nowhere'))
    return {
      async UpdateMetadata() {
        ${fails ? 'throw new WebEncodeError("WE-STO-004", "It fails on purpose")' : ''}
        return { success: true }
      },
    }
  },
})
`,
  )
  return folder
}

/** A gzipped tar of a folder. */
export function packPlugin(folder: string): string {
  const file = `${folder}.tar.gz`
  execFileSync('tar', ['-czf', file, '-C', join(folder, '..'), folder.split('/').at(-1) ?? ''])
  return file
}
