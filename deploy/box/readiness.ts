/** What must work before the box is ready. */
import type { Bus } from '../../kernel/bus/bus.ts'
import { allJobEvents } from '../../kernel/bus/subjects.ts'
import { type Database, sql } from '../../kernel/db/database.ts'
import { listWorkers } from '../../kernel/db/workers.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { ReadinessCheck } from '../../kernel/http/deps.ts'

/** Looks at the database, the bus and, where there must be one, for a worker. */
export async function checkReadiness(
  db: Database,
  bus: Bus,
  needsWorker: boolean,
): Promise<readonly ReadinessCheck[]> {
  const checks = [
    check('database', async () => void (await db.query(sql`SELECT 1`))),
    check('bus', async () => void (await bus.backlog(allJobEvents))),
  ]
  if (needsWorker) checks.push(check('worker', () => mustHaveWorker(db)))
  return await Promise.all(checks)
}

async function mustHaveWorker(db: Database): Promise<void> {
  const workers = await listWorkers(db)
  if (!workers.some((worker) => worker.status === 'healthy')) {
    throw new Error('no worker is healthy')
  }
}

async function check(name: string, look: () => Promise<void>): Promise<ReadinessCheck> {
  try {
    await look()
    return { name, ok: true }
  } catch (failure) {
    return { name, ok: false, detail: messageOf(failure) }
  }
}
