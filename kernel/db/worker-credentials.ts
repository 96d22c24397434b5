/** Credentials of workers: one for each worker id, kept as hashes, revoked when the worker is removed. */
import { type Database, type Reader, sql, type Writer } from './database.ts'

/** What is kept of a credential. */
export interface WorkerCredential {
  readonly credentialHash: string
  readonly isRevoked: boolean
}

/** Gives the worker a credential in place of the one that it had. */
export async function replaceWorkerCredential(
  tx: Writer,
  workerId: string,
  credentialHash: string,
): Promise<void> {
  await tx.query(sql`
    INSERT INTO worker_credentials (worker_id, credential_hash)
    VALUES (${workerId}, ${credentialHash})
    ON CONFLICT (worker_id) DO UPDATE
    SET credential_hash = excluded.credential_hash, created_at = now(), revoked_at = NULL`)
}

/** The worker's credential; undefined when it has none. */
export async function readWorkerCredential(
  db: Reader,
  workerId: string,
): Promise<WorkerCredential | undefined> {
  const [row] = await db.query<WorkerCredential>(sql`
    SELECT credential_hash AS "credentialHash", revoked_at IS NOT NULL AS "isRevoked"
    FROM worker_credentials
    WHERE worker_id = ${workerId}`)
  return row
}

/** The worker cannot join with its credential any more. Nothing happens when it has none. */
export async function revokeWorkerCredential(db: Database, workerId: string): Promise<void> {
  await db.query(sql`
    UPDATE worker_credentials SET revoked_at = coalesce(revoked_at, now()) WHERE worker_id = ${workerId}`)
}

/** Forgets credentials that were revoked long ago; they are then unknown ones. @returns how many */
export async function pruneRevokedCredentials(db: Database, olderThanMs: number): Promise<number> {
  const rows = await db.query(sql`
    DELETE FROM worker_credentials
    WHERE revoked_at < now() - make_interval(secs => ${olderThanMs / 1000}::float8)
    RETURNING worker_id`)
  return rows.length
}
