/** A worker of the simulation: claims, works, and now and then dies, falls silent or reports late. */
import type { ClaimedTask } from '../claim.ts'
import type { EventJson } from '../delivery.ts'
import type { World } from './world.ts'

/** How often it looks for work without a doorbell, in milliseconds. */
const lookEveryMs = 10_000
const heartbeatMs = 2000
const slots = 2

export class SimulatedWorker {
  readonly #world: World
  readonly #id: string
  #tokens = 0
  #busy = 0
  #claiming = false

  constructor(world: World, id: string) {
    this.#world = world
    this.#id = id
    world.onDoorbell(() => void this.#look())
    this.#lookNow()
  }

  #lookNow(): void {
    void this.#look()
    this.#world.clock.after(lookEveryMs, () => this.#lookNow())
  }

  async #look(): Promise<void> {
    if (this.#claiming || this.#busy >= slots) return
    this.#claiming = true
    try {
      for (const task of await this.#claim()) void this.#work(task)
    } catch {
      // The kernel is down or slow: the next doorbell or the next look tries again.
    } finally {
      this.#claiming = false
    }
  }

  #claim(): Promise<readonly ClaimedTask[]> {
    const { scenario } = this.#world
    const request = {
      workerId: this.#id,
      lanes: scenario.lanes,
      region: 'local',
      limit: slots - this.#busy,
    }
    return this.#world.call((engine) =>
      engine.claim(
        request,
        () => ({ type: 'claim', workerId: this.#id, leaseToken: `${this.#id}.${this.#tokens++}` }),
      )
    )
  }

  async #work(task: ClaimedTask): Promise<void> {
    const { random, clock, scenario, calm, rates } = this.#world
    const token = String((task.event as { leaseToken?: string }).leaseToken)
    this.#busy += 1
    const bad = random.chance(rates().badWorker)
    // A bad worker falls silent: it dies with the task, or comes back when the lease may be another's.
    if (bad) await clock.sleep(random.integer(1, 2 * scenario.leaseMs))
    if (!bad || random.chance(0.5)) await this.#keepBusy(task.id, token)
    this.#busy -= 1
    if (!bad || random.chance(0.5)) {
      await this.#report(task.id, token, scenario.report(task, token, random, calm))
    }
    await this.#look()
  }

  async #keepBusy(taskId: string, token: string): Promise<void> {
    const { random, clock, store, scenario } = this.#world
    for (let leftMs = random.integer(50, 6000); leftMs > 0; leftMs -= heartbeatMs) {
      await clock.sleep(Math.min(leftMs, heartbeatMs))
      await store.renewLeases(this.#id, [{
        taskId,
        leaseToken: token,
        fraction: 0.5,
        fps: null,
        speed: null,
      }], scenario.leaseMs)
    }
  }

  /** Until it is answered, always under the same event id. */
  async #report(taskId: string, token: string, event: EventJson): Promise<void> {
    const { random, clock, rates } = this.#world
    for (let left = 20; left > 0; left--) {
      try {
        const send = () =>
          this.#world.call((engine) => engine.send(taskId, event, { eventId: `report:${token}` }))
        if (random.chance(rates().duplicate)) await Promise.all([send(), send()])
        else await send()
        return
      } catch {
        await clock.sleep(1000)
      }
    }
  }
}
