/** What the system knows of a process and of all below it; proc(5). */
import { readFileSync } from 'node:fs'

const clockTicksPerSecond = 100

/** The processes below this one, however deep. */
export function descendantsOf(pid: number): number[] {
  const all = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const own = all === '' ? [] : all.split(' ').map(Number)
  return own.flatMap((child) => [child, ...descendantsOf(child)])
}

/** User and system time, in seconds, of the children that a process has waited for: fields 16 and 17. */
export function endedChildrenCpuSeconds(pid: number | 'self'): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) / clockTicksPerSecond
}
