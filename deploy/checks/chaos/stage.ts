/** Where the chaos happens: a cluster whose links go through proxies, and what faults need to strike it. */
import { execa } from 'execa'
import { existsSync } from 'node:fs'
import { type Bus } from '../../../kernel/bus/bus.ts'
import { openNatsBus } from '../../../kernel/bus/nats.ts'
import { allJobEvents, dispatchSubject } from '../../../kernel/bus/subjects.ts'
import { silentLog } from '../../../kernel/log.ts'
import { Cluster } from '../../cluster/cluster.ts'
import { endLater } from '../../cluster/endings.ts'
import { ClusterProcess } from '../../cluster/process.ts'
import { FaultyProxy } from './proxy.ts'
import { askAny } from './jobs.ts'

/** Debian's package `faketime`. */
const fakeTimeLibrary = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const servesMs = 60_000

/** Leases are short, so that a lost one is missed in seconds. */
const times = { WEBENCODE_LEASE_MS: '4000', WEBENCODE_HEARTBEAT_MS: '1000' }

export interface StageOptions {
  readonly directory: string
  readonly mediaRoot: string
  /** 0 to below 1, the same sequence for the same seed. */
  readonly random: () => number
}

export class Stage {
  readonly cluster: Cluster
  /** Milliseconds until something served again, by what it was. */
  readonly recoveryMs: Record<string, number[]> = {}
  readonly #links: ReadonlyMap<string, FaultyProxy>
  readonly #random: () => number
  readonly #end: () => Promise<void>

  private constructor(
    cluster: Cluster,
    links: ReadonlyMap<string, FaultyProxy>,
    random: () => number,
    end: () => Promise<void>,
  ) {
    this.cluster = cluster
    this.#links = links
    this.#random = random
    this.#end = end
  }

  /** Starts two kernels and two workers of one slot. */
  static async open({ directory, mediaRoot, random }: StageOptions): Promise<Stage> {
    const links = new Map<string, FaultyProxy>()
    const starting = Cluster.start({
      directory,
      kernels: 2,
      workers: 2,
      adminToken: 'we_chaos_admin_token_0123456789',
      joinToken: 'we_chaos_join_token_0123456789',
      env: {
        ...times,
        LOG_LEVEL: 'warn',
        WEBENCODE_WORKER_SLOTS: '1',
        WEBENCODE_MEDIA_ROOTS: mediaRoot,
      },
      async wayTo(name, port) {
        const link = await FaultyProxy.start(port)
        links.set(name, link)
        return link.port
      },
    })
    const end = endLater(async () => {
      const cluster = await starting.catch(() => undefined) // whoever starts it hears of the failure
      for (const link of links.values()) link.set('pass')
      await cluster?.stop()
      await cluster?.postgres.remove()
      await Promise.all([...links.values()].map((link) => link.close()))
    })
    return new Stage(await starting, links, random, end)
  }

  get hasFakeTime(): boolean {
    return existsSync(fakeTimeLibrary)
  }

  get canMount(): boolean {
    return process.getuid?.() === 0
  }

  pick = <T>(items: readonly T[]): T => items[Math.floor(this.#random() * items.length)]!

  wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  natsLinkOf({ name }: ClusterProcess): FaultyProxy {
    return this.#link(`${name} to nats`)
  }

  databaseLinkOf({ name }: ClusterProcess): FaultyProxy {
    return this.#link(`${name} to postgres`)
  }

  /** Waits until the kernel says that it is ready. */
  async serves(kernel: ClusterProcess): Promise<void> {
    const deadline = Date.now() + servesMs
    for (;;) {
      const signal = AbortSignal.timeout(2_000)
      const response = await fetch(new URL('/ready', kernel.ready), { signal }).catch(() =>
        undefined
      )
      if (response?.ok === true) return
      if (Date.now() > deadline) throw new Error(`${kernel.name} does not serve again`)
      await this.wait(50)
    }
  }

  async allServe(): Promise<void> {
    await Promise.all(this.cluster.kernels.map((kernel) => this.serves(kernel)))
  }

  /** Waits until every worker is healthy. */
  async allWork(): Promise<void> {
    const deadline = Date.now() + servesMs
    for (;;) {
      const { workers } = await askAny<{ workers: { status: string }[] }>(
        this.cluster,
        '/v1/workers',
      )
      const healthy = workers.filter(({ status }) => status === 'healthy').length
      if (healthy === this.cluster.workers.length) return
      if (Date.now() > deadline) {
        throw new Error(`Of ${this.cluster.workers.length} workers, ${healthy} are healthy`)
      }
      await this.wait(100)
    }
  }

  async measure(what: string, work: () => Promise<void>): Promise<void> {
    const begun = performance.now()
    await work()
    this.recoveryMs[what] = [
      ...this.recoveryMs[what] ?? [],
      Math.round(performance.now() - begun),
    ]
  }

  /** Rings for tasks that are not there, and says again, backwards, what was said of jobs. */
  async repeatDeliveries(): Promise<void> {
    const bus = await openNatsBus({ url: this.cluster.nats.url, name: 'chaos', log: silentLog })
    try {
      await repeatOn(bus, this.wait)
    } finally {
      await bus.close()
    }
  }

  /** Gives one process, for its next life, a clock that is an hour ahead. */
  async shiftClock(process: ClusterProcess): Promise<void> {
    await process.stop()
    await process.start({ LD_PRELOAD: fakeTimeLibrary, FAKETIME: '+1h' })
    await this.wait(5_000)
    await process.stop()
    await process.start()
  }

  /** Gives one worker, for its next life, a disk of a megabyte. */
  async fillDisk(worker: ClusterProcess): Promise<void> {
    const disk = worker.order.env['WEBENCODE_DATA_DIR'] ?? ''
    await worker.stop()
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    try {
      await worker.start()
      await this.wait(8_000)
      await worker.stop()
    } finally {
      await worker.kill()
      await execa('umount', [disk])
    }
    await worker.start()
  }

  async close(): Promise<void> {
    await this.#end()
  }

  #link(name: string): FaultyProxy {
    const link = this.#links.get(name)
    if (link === undefined) throw new RangeError(`There is no link "${name}"`)
    return link
  }
}

async function repeatOn(bus: Bus, wait: Stage['wait']): Promise<void> {
  const heard: { subject: string; data: Parameters<Bus['publish']>[1] }[] = []
  const ear = await bus.subscribe(allJobEvents, ({ subject, data }) => {
    if (heard.length < 200) heard.push({ subject, data })
  })
  await wait(3_000)
  await ear.close()
  for (const { subject, data } of heard.reverse()) await bus.publish(subject, data)
  for (let i = 0; i < 50; i++) {
    await bus.publish(dispatchSubject('local', 'cpu'), { taskId: `nothing-${i}` })
  }
}
