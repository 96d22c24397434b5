/** Stand-ins for plugins in tests of routes and pages. */
import type { PluginView } from '../contract/plugin-view.ts'
import { WebEncodeError } from '../errors.ts'
import type { Caller } from '../gateway.ts'
import type { PluginCommands, PluginDirectory } from '../plugin-desk.ts'

/** A command that was given. */
export interface PluginCommand {
  readonly name: keyof PluginCommands
  readonly argument: unknown
  readonly caller: Caller
}

/** One plugin, and one built in. */
export const testPlugin: PluginView = {
  id: 'storage-s3',
  type: 'storage',
  version: '1.0.0',
  protocol_version: '1',
  state: 'healthy',
  problem: null,
  is_enabled: true,
  is_built_in: false,
  can_be_disabled: true,
  runs: 'sandbox',
  priority: 0,
  uptime_seconds: 3600,
  restarts: 1,
  calls: 1000,
  error_rate: 0.012,
  p50_ms: 1.2,
  p95_ms: 4,
  p99_ms: 31,
  methods: [
    { method: 'Browse', calls: 40, errors: 0, p50_ms: 0.9, p95_ms: 2, p99_ms: 3 },
    { method: 'Upload', calls: 960, errors: 12, p50_ms: 1.3, p95_ms: 4, p99_ms: 31 },
  ],
  upgrade: { phase: 'none', outcome: null, version: null, problem: null },
  capabilities: { storage_type: 's3' },
  config_schema: {
    type: 'object',
    required: ['bucket'],
    properties: { bucket: { type: 'string', description: 'Bucket of the objects' } },
  },
  kernels: [],
}

const builtIn = { is_built_in: true, can_be_disabled: false } as const

/** What there is to see of them. */
export const pluginDirectory: PluginDirectory = {
  list: () => Promise.resolve([{ ...testPlugin, ...builtIn, id: 'storage-fs' }, testPlugin]),
  async read(id) {
    const found = (await pluginDirectory.list()).find((plugin) => plugin.id === id)
    if (found !== undefined) return found
    throw new WebEncodeError('WE-PLG-001', `There is no plugin "${id}"`)
  },
  readConfig: () => Promise.resolve({ bucket: 'media', secret_key_ref: 'secret/s3' }),
  logs: (id, limit) =>
    Array.from({ length: 60 }, (_, i) => ({
      at: new Date(i).toISOString(),
      level: 'info' as const,
      message: `line ${i} of ${id}`,
    })).slice(-limit),
  routes: () => Promise.resolve({ auth: [], storage: [], encoder: [], live: [], publisher: [] }),
}

/** Commands that are only noted; the buckets 7 and `refuse me` break the schema. */
export function pluginCommandsOver(note: (command: PluginCommand) => void): PluginCommands {
  const command = (name: keyof PluginCommands) => async (id: string, caller: Caller) => {
    note({ name, argument: id, caller })
    return await pluginDirectory.read(id)
  }
  return {
    enablePlugin: command('enablePlugin'),
    disablePlugin: command('disablePlugin'),
    restartPlugin: command('restartPlugin'),
    async testPlugin(id, caller) {
      await command('testPlugin')(id, caller)
      return { ok: true, duration_ms: 3, problem: null }
    },
    async configurePlugin(id, change, caller) {
      note({ name: 'configurePlugin', argument: { id, ...change }, caller })
      const { bucket } = change.config
      if (bucket !== 7 && bucket !== 'refuse me') return await pluginDirectory.read(id)
      const problem = `bucket must be a string that exists, and it is ${bucket}`
      throw new WebEncodeError('WE-PLG-003', problem, { path: 'bucket' })
    },
    async upgradePlugin(id, archive, caller) {
      const parts: Uint8Array[] = []
      for await (const part of archive) parts.push(part)
      const text = Buffer.concat(parts).toString()
      note({ name: 'upgradePlugin', argument: { id, text }, caller })
      return await pluginDirectory.read(id)
    },
    async setPluginRoutes(pillar, rules, caller) {
      note({ name: 'setPluginRoutes', argument: { pillar, rules }, caller })
      return { ...await pluginDirectory.routes(), [pillar]: [...rules] }
    },
  }
}
