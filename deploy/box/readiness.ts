/** What must work before the box is ready. */
import type { Bus } from '../../kernel/bus/bus.ts'
import { allJobEvents } from '../../kernel/bus/subjects.ts'
import { type Database, sql } from '../../kernel/db/database.ts'
import { listWorkers } from '../../kernel/db/workers.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { ReadinessCheck } from '../../kernel/http/deps.ts'

/** Looks at the database, the bus and the workers. */
export async function checkReadiness(db: Database, bus: Bus): Promise<readonly ReadinessCheck[]> {
  return await Promise.all([
    check('database', async () => void (await db.query(sql`SELECT 1`))),
    check('bus', async () => void (await bus.backlog(allJobEvents))),
    check('worker', async () => {
      const workers = await listWorkers(db)
      if (!workers.some((worker) => worker.status === 'healthy')) {
        throw new Error('no worker is healthy')
      }
    }),
  ])
}

async function check(name: string, look: () => Promise<void>): Promise<ReadinessCheck> {
  try {
    await look()
    return { name, ok: true }
  } catch (failure) {
    return { name, ok: false, detail: messageOf(failure) }
  }
}
