/** Answers that are remembered for a while: at most so many, the one that was asked for longest ago is forgotten first. */
import type { Clock } from '../clock.ts'

export interface AnswerCache<T> {
  get(key: string): T | undefined
  /** @param lifeMs - forgotten after so long */
  set(key: string, answer: T, lifeMs: number): void
}

/** Creates a cache. @param most - answers that are kept */
export function createAnswerCache<T>(clock: Clock, most: number): AnswerCache<T> {
  const answers = new Map<string, { readonly answer: T; readonly untilMs: number }>()
  return {
    get(key) {
      const found = answers.get(key)
      if (found === undefined) return undefined
      answers.delete(key)
      if (found.untilMs <= clock.now()) return undefined
      answers.set(key, found)
      return found.answer
    },
    set(key, answer, lifeMs) {
      if (lifeMs <= 0) return
      answers.delete(key)
      answers.set(key, { answer, untilMs: clock.now() + lifeMs })
      const [oldest] = answers.keys()
      if (answers.size > most && oldest !== undefined) answers.delete(oldest)
    },
  }
}
