/** Brings worker actors of older versions of the machine to the newest one. */
import type { Json } from '../../kernel/contract/json.ts'
import type { SnapshotJson } from '../engine/definition.ts'

/** Version 1 had no commands of people; one that drained was about to leave. */
export function migrateWorker(snapshot: SnapshotJson): SnapshotJson {
  const context = snapshot.context as { readonly [field: string]: Json }
  return { ...snapshot, context: { ...context, isDrained: snapshot.value === 'draining' } }
}
