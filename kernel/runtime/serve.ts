/** Picks the runtime. The only place that asks which one it is. */
import type { Runtime } from './runtime.ts'

/** The runtime that this process runs on. */
export async function createRuntime(): Promise<Runtime> {
  if ('Deno' in globalThis) return (await import('./deno.ts')).createDenoRuntime()
  return (await import('./node.ts')).createNodeRuntime()
}
