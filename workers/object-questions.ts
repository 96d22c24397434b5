/** A worker's questions about objects, asked under the lease of a task. */
import type { ObjectUrlReply } from '../kernel/contract/worker.ts'
import type { KernelLink } from './kernel-link.ts'
import type { ObjectLease } from './transfer.ts'

/** What a URL is wanted for; a `GET` without a key reads the source of the task. */
export type UrlPurpose =
  | { readonly method: 'GET'; readonly key?: string }
  | {
    readonly method: 'PUT'
    readonly key: string
    readonly contentType: string
    /** The storage refuses other bytes. */
    readonly sha256: string
  }

/** All throw WE-WRK-004 when the lease does not allow it, else as {@link KernelLink}. */
export interface ObjectQuestions {
  /** A URL that can be used now. */
  urlFor(lease: ObjectLease, purpose: UrlPurpose): Promise<ObjectUrlReply>
  /** Has an output of the attempt deleted; a missing one is no error. */
  removeObject(lease: ObjectLease, key: string): Promise<void>
}

/** @param member.session - the one that the agent joins with */
export function createObjectQuestions(
  link: Pick<KernelLink, 'url' | 'remove'>,
  member: { readonly workerId: string; readonly session: string },
): ObjectQuestions {
  const holderOf = ({ taskId, leaseToken }: ObjectLease) => ({ ...member, taskId, leaseToken })
  return {
    urlFor: (lease, purpose) => link.url({ ...holderOf(lease), ...purpose }),
    removeObject: (lease, key) => link.remove({ ...holderOf(lease), key }),
  }
}
