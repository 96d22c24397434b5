/** How long the product takes to become healthy, and how much memory it holds when idle. */
import { readFileSync } from 'node:fs'
import { createDataDirectory, startProduct, stopProducts } from '../checks/product.ts'
import { type Figure, median, type Section } from './figure.ts'
import { descendantsOf } from './process-tree.ts'

const starts = 5
const settleMs = 10_000

export const startSection: Section = {
  name: 'start',
  async measure(say) {
    const first: number[] = []
    const second: number[] = []
    const resident: number[] = []
    for (let i = 0; i < starts; i++) {
      const dataDirectory = createDataDirectory()
      first.push(await timeStart(dataDirectory))
      second.push(await timeStart(dataDirectory, i === 0 ? resident : undefined))
      say(`start ${i + 1}/${starts}`)
    }
    await stopProducts()
    return [
      limit('first start to healthy', median(first) / 1000, 's', 5, first),
      limit('second start to healthy', median(second) / 1000, 's', 2.5, second),
      limit('resident memory, idle, all processes', resident[0] ?? Number.NaN, 'MB', 350, resident),
    ]
  },
}

async function timeStart(dataDirectory: string, resident?: number[]): Promise<number> {
  const begun = performance.now()
  const product = await startProduct({ dataDirectory })
  const response = await fetch(`${product.url}/health`)
  const wall = performance.now() - begun
  if (!response.ok) throw new Error(`/health answered ${response.status}`)
  if (resident !== undefined) {
    await new Promise((settled) => setTimeout(settled, settleMs))
    resident.push(residentMegabytes(product.process.pid ?? 0))
  }
  await product.stop()
  return wall
}

/** Resident memory of the process, and what each process below it adds: pages that several share count once. */
function residentMegabytes(pid: number): number {
  const below = descendantsOf(pid).map((child) => kilobytesOf(child, 'smaps_rollup', 'Pss'))
  return (kilobytesOf(pid, 'status', 'VmRSS') + below.reduce((sum, one) => sum + one, 0)) / 1024
}

function kilobytesOf(pid: number, file: string, name: string): number {
  const text = readFileSync(`/proc/${pid}/${file}`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1])
}

function limit(
  name: string,
  value: number,
  unit: string,
  most: number,
  samples: readonly number[],
): Figure {
  const detail = `${samples.length} samples: ${
    samples.map((sample) => Math.round(sample)).join(' ')
  }`
  return { name, value, unit, goal: `<= ${most} ${unit}`, reached: value <= most, detail }
}
