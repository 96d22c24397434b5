/** The doorbells of a worker's lanes: listened to while it takes work, left to other workers while it does not. */
import type { Bus, Subscription } from '../kernel/bus/bus.ts'
import { consumerName, dispatchSubject } from '../kernel/bus/subjects.ts'
import type { Lane } from '../kernel/contract/task.ts'
import type { Log } from '../kernel/log.ts'

export interface DoorbellOptions {
  readonly bus: Pick<Bus, 'consume'>
  readonly log: Log
  readonly region: string
  readonly lanes: readonly Lane[]
  /** Whether there is a free slot. */
  readonly hasRoom: () => boolean
  readonly onRing: () => void
}

export class Doorbells {
  readonly #options: DoorbellOptions
  #isWanted = false
  #subscriptions: Subscription[] = []
  #turn: Promise<void> = Promise.resolve()
  #waitersForRoom: (() => void)[] = []

  constructor(options: DoorbellOptions) {
    this.#options = options
  }

  /** Listens. A bus that fails is no harm: workers also ask without a doorbell. */
  open(): void {
    this.#isWanted = true
    this.#turn = this.#turn.then(() => this.#settle())
  }

  /** Hands the doorbells that it holds to others; resolves when none is heard any more. */
  close(): Promise<void> {
    this.#isWanted = false
    this.wake()
    return this.#turn = this.#turn.then(() => this.#settle())
  }

  /** There may be room now. */
  wake(): void {
    for (const wake of this.#waitersForRoom.splice(0)) wake()
  }

  async #settle(): Promise<void> {
    if (this.#isWanted === this.#subscriptions.length > 0) return
    const { bus, log, region, lanes } = this.#options
    try {
      if (!this.#isWanted) {
        await Promise.all(this.#subscriptions.splice(0).map((each) => each.close()))
        return
      }
      for (const lane of lanes) {
        const filter = dispatchSubject(region, lane)
        const name = consumerName(filter)
        this.#subscriptions.push(await bus.consume({ filter, name }, () => this.#answer()))
      }
    } catch (error) {
      log.warn('cannot change which doorbells are heard', { error })
    }
  }

  /** Keeps the doorbell until there is room for its task, so that the next ones go to other workers. */
  async #answer(): Promise<void> {
    const { hasRoom, onRing } = this.#options
    while (!hasRoom() && this.#isWanted) {
      await new Promise<void>((resolve) => this.#waitersForRoom.push(resolve))
    }
    if (!this.#isWanted) throw new Error('this worker takes no work')
    onRing()
  }
}
