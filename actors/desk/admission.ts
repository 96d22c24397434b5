/** Whom the desk lets in: a join token is exchanged for a credential, and later joins show that. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type JoinRequest, workerProtocol } from '../../kernel/contract/worker.ts'
import type { Database } from '../../kernel/db/database.ts'
import { type TokenProblem, useJoinToken } from '../../kernel/db/join-tokens.ts'
import {
  readWorkerCredential,
  replaceWorkerCredential,
} from '../../kernel/db/worker-credentials.ts'
import { type ErrorCode, WebEncodeError } from '../../kernel/errors.ts'
import { createWorkerCredential } from '../../kernel/ids.ts'

/** What workers must show. */
export interface AdmissionRules {
  /** A token that is accepted as often as it comes; one-time tokens are in the database. */
  readonly joinToken?: string | undefined
  /** Version of this product. A worker's must have the same first number. */
  readonly version: string
}

/**
 * Lets a worker in, or not.
 * @returns its new credential, when it showed a join token
 * @throws WE-WRK-005 when it speaks otherwise; WE-AUTH-001, -002, -003 when it shows nothing that lets it in
 */
export type Admission = (request: JoinRequest) => Promise<string | undefined>

/** @param rules - `open`: everybody on this bus may join, as on one machine */
export function createAdmission(rules: 'open' | AdmissionRules, db: Database): Admission {
  if (rules === 'open') return () => Promise.resolve(undefined)
  return async (request) => {
    checkVersion(request, rules.version)
    if (request.credential !== undefined) {
      await checkCredential(db, request.workerId, request.credential)
      return undefined
    }
    return await exchangeToken(db, request, rules.joinToken)
  }
}

/** SHA-256 in hex: all that is kept of a secret. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

function checkVersion({ workerId, version, protocol = 1 }: JoinRequest, ours: string): void {
  if (protocol !== workerProtocol) {
    throw new WebEncodeError(
      'WE-WRK-005',
      `Worker "${workerId}" must speak protocol ${workerProtocol}, and it speaks ${protocol}`,
    )
  }
  const major = (text: string) => /^(\d+)\./.exec(text)?.[1]
  if (major(version) !== undefined && major(version) === major(ours)) return
  throw new WebEncodeError(
    'WE-WRK-005',
    `Worker "${workerId}" must be of version ${major(ours)}.x, and it is of version ${version}`,
  )
}

async function checkCredential(db: Database, workerId: string, shown: string): Promise<void> {
  const known = await readWorkerCredential(db, workerId)
  if (known === undefined || !isSame(known.credentialHash, hashOf(shown))) {
    throw new WebEncodeError(
      'WE-AUTH-001',
      `Worker "${workerId}" must show its own credential or a join token, and it showed another credential`,
    )
  }
  if (!known.isRevoked) return
  throw new WebEncodeError(
    'WE-AUTH-003',
    `The credential of worker "${workerId}" was revoked: it needs a new join token`,
  )
}

/** In one transaction, so that a token is used up only for a credential. */
async function exchangeToken(
  db: Database,
  { workerId, session, joinToken }: JoinRequest,
  fixedToken: string | undefined,
): Promise<string> {
  if (joinToken === undefined) {
    throw new WebEncodeError(
      'WE-AUTH-001',
      `Worker "${workerId}" must show a join token or its credential, and it showed neither`,
    )
  }
  const tokenHash = hashOf(joinToken)
  const isFixed = fixedToken !== undefined && isSame(hashOf(fixedToken), tokenHash)
  const credential = createWorkerCredential()
  await db.transaction(async (tx) => {
    const problem = isFixed ? undefined : await useJoinToken(tx, { tokenHash, workerId, session })
    if (problem !== undefined) throw refusedToken(workerId, problem)
    await replaceWorkerCredential(tx, workerId, hashOf(credential))
  })
  return credential
}

const tokenRefusals: Readonly<Record<TokenProblem, readonly [ErrorCode, string]>> = {
  unknown: ['WE-AUTH-001', 'there is no such token'],
  expired: ['WE-AUTH-002', 'it has expired'],
  used: ['WE-AUTH-001', 'it was used before'],
}

function refusedToken(workerId: string, problem: TokenProblem): WebEncodeError {
  const [code, reason] = tokenRefusals[problem]
  return new WebEncodeError(code, `The join token of worker "${workerId}" is refused: ${reason}`)
}

/** Takes the same time wherever the two differ. */
function isSame(oneHash: string, otherHash: string): boolean {
  return timingSafeEqual(Buffer.from(oneHash, 'hex'), Buffer.from(otherHash, 'hex'))
}
