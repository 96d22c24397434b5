/** What the machine itself takes for the smallest parts of a start: below their sum no figure can be. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import postgres from 'postgres'
import { startGroup } from '../../plugins/encoder-ffmpeg/process-group.ts'
import { median } from './figure.ts'
import type { StartRecorder } from './start-recorder.ts'

const tries = 50

/** Milliseconds from the order to start a program until it runs, as a worker's encoder starts it: the median. */
export async function programStartMs({ program, starts }: StartRecorder): Promise<number> {
  const waits: number[] = []
  for (let i = 0; i < tries; i++) {
    writeFileSync(starts, '')
    const orderedMs = performance.timeOrigin + performance.now()
    const group = startGroup({ file: program, arguments: ['-version'] }, {
      directory: dirname(program),
      environment: { PATH: process.env.PATH ?? '' },
      onStdout: () => {},
      onStderr: () => {},
    })
    await group.ended
    waits.push(Number(readFileSync(starts, 'utf8').trim()) * 1000 - orderedMs)
  }
  return median(waits)
}

/** Milliseconds of the smallest change to a database that waits for the disk: the median. */
export async function commitMs(databaseUrl: string): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const waits: number[] = []
  try {
    await sql`CREATE TABLE bench_commits (n int)`
    for (let i = 0; i < tries; i++) {
      const begun = performance.now()
      await sql`INSERT INTO bench_commits VALUES (${i})`
      waits.push(performance.now() - begun)
    }
    await sql`DROP TABLE bench_commits`
  } finally {
    await sql.end()
  }
  return median(waits)
}
