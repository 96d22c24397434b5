/** Asks from time to time whether those who watch still may: one question for all that showed the same credentials. */
import type { Clock } from '../clock.ts'
import type { Role } from '../contract/auth.ts'

/** Why somebody was let in. */
export interface Permission {
  /** The same for the same credentials. */
  readonly key: string
  /** Whose credentials they are. */
  readonly userId: string
  /** What they may watch goes by this; with less of a role the permission is no longer valid. */
  readonly role: Role
  /** Asks again. A question that fails cannot be answered now, and is asked the next time. */
  isValid(): Promise<boolean>
}

const roundMs = 60_000
/** Questions that are asked at the same time. */
const questionsAtOnce = 4

/** Those who were let in by one permission. */
interface Group<T> {
  readonly permission: Permission
  readonly members: Set<T>
}

/** The admitted, and their rounds of questions, a minute apart. */
export class Admissions<T> {
  readonly #clock: Clock
  readonly #onRefused: (member: T) => void
  readonly #onUnanswered: (failure: unknown) => void
  readonly #groups = new Map<string, Group<T>>()
  readonly #groupOf = new Map<T, Group<T>>()
  readonly #countOf = new Map<string, number>()
  #cancelRound: (() => void) | undefined
  #isClosed = false

  /**
   * @param onRefused - called for each member of a permission that is no longer valid
   * @param onUnanswered - called for each question that failed
   */
  constructor(
    clock: Clock,
    onRefused: (member: T) => void,
    onUnanswered: (failure: unknown) => void,
  ) {
    this.#clock = clock
    this.#onRefused = onRefused
    this.#onUnanswered = onUnanswered
  }

  add(permission: Permission, member: T): void {
    const group = this.#groups.get(permission.key) ?? { permission, members: new Set<T>() }
    this.#groups.set(permission.key, group)
    this.#groupOf.set(member, group)
    group.members.add(member)
    this.#countOf.set(permission.userId, this.countOf(permission.userId) + 1)
    this.#cancelRound ??= this.#nextRound()
  }

  remove(member: T): void {
    const group = this.#groupOf.get(member)
    this.#groupOf.delete(member)
    if (group?.members.delete(member) !== true) return
    const { key, userId } = group.permission
    if (group.members.size === 0) this.#groups.delete(key)
    const left = this.countOf(userId) - 1
    if (left === 0) this.#countOf.delete(userId)
    else this.#countOf.set(userId, left)
  }

  /** Those of one user, whatever credentials they showed. */
  countOf(userId: string): number {
    return this.#countOf.get(userId) ?? 0
  }

  /** Everyone who was let in. */
  get members(): MapIterator<T> {
    return this.#groupOf.keys()
  }

  get size(): number {
    return this.#groupOf.size
  }

  close(): void {
    this.#isClosed = true
    this.#cancelRound?.()
  }

  #nextRound(): () => void {
    return this.#clock.after(roundMs, () => void this.#round())
  }

  async #round(): Promise<void> {
    const groups = this.#groups.values()
    const askSome = async () => {
      for (const group of groups) await this.#ask(group)
    }
    await Promise.all(Array.from({ length: questionsAtOnce }, askSome))
    this.#cancelRound = this.#isClosed || this.#groups.size === 0 ? undefined : this.#nextRound()
  }

  async #ask({ permission, members }: Group<T>): Promise<void> {
    try {
      if (await permission.isValid()) return
    } catch (failure) {
      return this.#onUnanswered(failure)
    }
    for (const member of members) this.#onRefused(member)
  }
}
