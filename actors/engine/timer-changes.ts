/** The timers of one actor as one batch leaves them: the last word for each key counts. */
import type { TimerEntry } from '../../kernel/db/actor-store.ts'
import type { TimerChange } from './consequences.ts'

export class TimerChanges {
  readonly #actorId: string
  readonly #last = new Map<string, TimerEntry | 'cancelled'>()
  #cleared = false

  constructor(actorId: string) {
    this.#actorId = actorId
  }

  /** Records what the transition to `version` asked for. Uids are `version:index`. */
  add(version: number, changes: readonly TimerChange[]): void {
    changes.forEach((change, index) => {
      const { actorId, key, uid } = {
        actorId: this.#actorId,
        key: change.key,
        uid: `${version}:${index}`,
      }
      if (change.kind === 'cancel') this.#last.set(key, 'cancelled')
      else this.#last.set(key, { actorId, key, uid, delayMs: change.delayMs, event: change.event })
    })
  }

  /** The actor has ended: all its timers go, the stored ones too. */
  clear(): void {
    this.#cleared = true
    this.#last.clear()
  }

  /** Whether this batch set or cancelled the timer, so that the one in the store no longer counts. */
  touched(key: string): boolean {
    return this.#cleared || this.#last.has(key)
  }

  get cleared(): boolean {
    return this.#cleared
  }

  get set(): TimerEntry[] {
    return [...this.#last.values()].filter((entry) => entry !== 'cancelled')
  }

  get cancelled(): { actorId: string; key: string }[] {
    const keys = [...this.#last].filter(([, entry]) => entry === 'cancelled')
    return keys.map(([key]) => ({ actorId: this.#actorId, key }))
  }
}
