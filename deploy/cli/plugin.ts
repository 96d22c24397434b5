/** `webencode plugin …`: starts a new plugin from a template, and tries any plugin against its contract. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { type Pillar, pillars } from '../../kernel/contract/plugin.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { silentLog } from '../../kernel/log.ts'
import { checkPlugin } from '../../kernel/plugin/check/check.ts'
import { version } from '../box/version.ts'
import { pluginFiles } from './plugin-template.ts'

/** Prefix of the variables that hold secrets for a plugin that is tried. */
const secretPrefix = 'PLUGIN_CHECK_SECRET_'

/** Writes a plugin that works. @returns what to do next. @throws WE-PLG-003 when the folder exists or its name is no id */
export async function newPlugin(folder: string, pillar: string): Promise<string> {
  const id = basename(resolve(folder))
  if (!isPillar(pillar)) {
    throw new WebEncodeError(
      'WE-PLG-003',
      `--pillar must be one of ${pillars.join(', ')}, found "${pillar}"`,
    )
  }
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(id)) {
    throw new WebEncodeError(
      'WE-PLG-003',
      `Cannot make a plugin in "${id}": the folder must have a name of lower-case letters, digits and "-"`,
    )
  }
  if (existsSync(folder)) {
    throw new WebEncodeError(
      'WE-PLG-003',
      `Cannot make a plugin in "${id}": the folder must not exist, and does`,
    )
  }
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(pluginFiles(id, pillar, version))) {
    await writeFile(join(folder, name), text)
  }
  return `${folder} is a plugin now. Try it: webencode plugin check ${folder}`
}

/**
 * Tries a plugin; a reference `a/b` resolves to the variable `PLUGIN_CHECK_SECRET_A_B`.
 * @param say - receives a line for each check. @returns whether all hold
 */
export async function tryPlugin(options: {
  readonly folder: string
  readonly config: unknown
  readonly env: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
}): Promise<boolean> {
  const { folder, config, env, say } = options
  const stateDirectory = await mkdtemp(join(tmpdir(), 'plugin-check-'))
  try {
    return await checkPlugin({
      folder: join(dirname(resolve(folder)), basename(resolve(folder))),
      config,
      kernelVersion: version,
      stateDirectory,
      secrets: { resolve: (reference) => secretFrom(env, reference) },
      log: silentLog,
      onResult: ({ title, problem }) =>
        say(problem === undefined ? `ok      ${title}` : `FAILED  ${title}\n        ${problem}`),
    })
  } finally {
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

function isPillar(text: string): text is Pillar {
  return pillars.some((pillar) => pillar === text)
}

function secretFrom(
  env: Readonly<Record<string, string | undefined>>,
  reference: string,
): Promise<string> {
  const name = secretPrefix + reference.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')
  const value = env[name]
  if (value !== undefined) return Promise.resolve(value)
  const message =
    `Cannot resolve secret "${reference}": the variable ${name} must hold it, and does not`
  return Promise.reject(new WebEncodeError('WE-PLG-003', message))
}
