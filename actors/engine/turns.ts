/** Lets asynchronous work run one at a time, in the order in which it asked. */

/** Runs `work` when all earlier work has ended, however it ended. */
export type TakeTurn = <T>(work: () => Promise<T>) => Promise<T>

export function createTurns(): TakeTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work, work)
    last = turn.catch(() => {})
    return turn
  }
}
