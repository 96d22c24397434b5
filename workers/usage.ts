/** How busy this worker's machine is, for heartbeats. */
import os from 'node:os'
import process from 'node:process'
import { memoryLimitBytes } from './capabilities.ts'

export interface Usage {
  /** 0 to 100: share of all cores that worked since the last reading. */
  readonly cpuPercent: number
  readonly memoryBytes: number
}

interface CpuTimes {
  readonly busy: number
  readonly total: number
}

/** A meter whose readings cover the time since the one before. FFmpeg's processes are counted: it reads the whole machine. */
export function createUsageMeter(readTimes: () => CpuTimes = machineTimes): () => Usage {
  let last = readTimes()
  return () => {
    const now = readTimes()
    const total = now.total - last.total
    const cpuPercent = total > 0 ? (100 * (now.busy - last.busy)) / total : 0
    last = now
    return { cpuPercent: Math.min(100, Math.max(0, cpuPercent)), memoryBytes: usedMemoryBytes() }
  }
}

function machineTimes(): CpuTimes {
  let busy = 0
  let idle = 0
  for (const { times } of os.cpus()) {
    busy += times.user + times.nice + times.sys + times.irq
    idle += times.idle
  }
  return { busy, total: busy + idle }
}

function usedMemoryBytes(): number {
  return Math.max(0, memoryLimitBytes() - process.availableMemory())
}
