/** Three ways to put a job into PostgreSQL, one call for one job: ours, pg-boss and graphile-worker. */
import { makeWorkerUtils } from 'graphile-worker'
import { PgBoss } from 'pg-boss'
import { sampleJob } from '../../../actors/job/sample.ts'
import { openBenchKernel } from './kernel.ts'
import { benchCaller, sourceUrlIn } from './work.ts'

/** Something that accepts jobs. */
export interface Submitter {
  readonly name: string
  /** Resolves when the job is durable. */
  submit(): Promise<unknown>
  close(): Promise<void>
}

/** Connections of each one's pool. */
const poolSize = 10
/** What the peers are given: the input that our job actor starts with. */
const payload = { ...sampleJob }

/** Our gateway: checks request, profile and source, makes the job's and the probe's actors, and reads the job back. */
export async function openWebEncode(databaseUrl: string): Promise<Submitter> {
  const kernel = await openBenchKernel(databaseUrl)
  const source_url = sourceUrlIn(kernel)
  return {
    name: 'WebEncode',
    submit: () => kernel.gateway.submitJob({ source_url, profile: '480p_fast' }, benchCaller),
    close: kernel.close,
  }
}

/** pg-boss, with its maintenance and schedules switched off. */
export async function openPgBoss(databaseUrl: string): Promise<Submitter> {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    max: poolSize,
    supervise: false,
    schedule: false,
  })
  boss.on('error', (error) => console.error('pg-boss', error))
  await boss.start()
  await boss.createQueue('encode')
  return {
    name: 'pg-boss',
    submit: () => boss.send('encode', payload),
    close: () => boss.stop({ graceful: false }),
  }
}

/** graphile-worker. */
export async function openGraphileWorker(databaseUrl: string): Promise<Submitter> {
  const utils = await makeWorkerUtils({ connectionString: databaseUrl, maxPoolSize: poolSize })
  await utils.migrate()
  return {
    name: 'graphile-worker',
    submit: () => utils.addJob('encode', payload),
    close: async () => await utils.release(),
  }
}
