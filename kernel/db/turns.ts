/** A queue of one: whoever waits gets the turn in the order of asking. */

export interface Turns {
  /** Runs `work` when everything asked before has ended. */
  take<T>(work: () => Promise<T>): Promise<T>
}

/** An empty queue. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve()
  return {
    take(work) {
      const turn = last.then(work)
      // The next one waits for the end, good or bad; the failure itself goes to the caller of `take`.
      last = turn.then(ended, ended)
      return turn
    },
  }
}

function ended(): void {}
