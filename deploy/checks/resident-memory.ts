/** Memory of a process as Linux counts it. */
import { readFileSync, writeFileSync } from 'node:fs'

/** How much more memory a process holds than it did. */
export class MemoryGrowth {
  readonly #pid: number
  readonly beforeBytes: number

  /** From now on. What the process needed at most until now, for its start, is forgotten: proc(5), clear_refs. */
  constructor(pid: number) {
    this.#pid = pid
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
    this.beforeBytes = this.#read('VmRSS')
  }

  /** The most that it held since then. */
  peakBytes(): number {
    return this.#read('VmHWM')
  }

  #read(field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
    return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  }
}
