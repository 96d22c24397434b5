/** A plugin's life that registration tries, and that tests begin with. */
import { type PluginEvent, type PluginInput, usualTiming } from './model.ts'

/** A storage that is wanted. */
export const samplePlugin: PluginInput = {
  pluginId: 'storage-s3',
  kernelId: 'k1',
  pillar: 'storage',
  timing: usualTiming,
  revision: 1,
  configRevision: 1,
  isEnabled: true,
  version: '1.0.0',
  by: 'Ann',
}

/** What the admin wants next. */
export const sampleWant = {
  type: 'want',
  revision: 2,
  configRevision: 1,
  isEnabled: true,
  version: '1.0.0',
  by: 'Ann',
} as const

/** It serves, is slow, is upgraded and rolled back, crashes, is disabled and enabled again. */
export const samplePluginEvents: readonly PluginEvent[] = [
  { type: 'started', run: 1, version: '1.0.0' },
  { type: 'judged', run: 1, health: 'degraded', isErroneous: false, problem: 'slow' },
  { ...sampleWant, version: '1.1.0' },
  { type: 'started', run: 2, version: '1.1.0' },
  { type: 'judged', run: 2, health: 'failing', isErroneous: true, problem: 'errors' },
  { type: 'crashed', run: 1, problem: 'it ended' },
  { ...sampleWant, revision: 3, isEnabled: false },
  { ...sampleWant, revision: 4 },
]
