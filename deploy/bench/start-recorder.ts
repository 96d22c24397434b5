/** Notes when the product starts a program, by standing in for it. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The end of a job leaves its traces to be cleaned; after this the product is idle. */
const settleMs = 300

export class StartRecorder {
  /** To be started in place of the real one: notes the time, without starting another program, and becomes the real one. */
  readonly program: string
  /** The file that it notes in: a line for each start, in seconds since the epoch. */
  readonly starts: string

  /** @param name - of the real program, found in PATH */
  constructor(directory: string, name: string) {
    this.program = join(directory, name)
    this.starts = join(directory, 'starts')
    writeFileSync(
      this.program,
      `#!/bin/bash\necho "$EPOCHREALTIME" >> '${this.starts}'\nexec ${name} "$@"\n`,
    )
    chmodSync(this.program, 0o755)
  }

  /**
   * Times jobs, one after the other.
   * @param submit - hands a job in; what it answers waits for the job's end
   * @returns milliseconds from handing in to the first start of the program, for each job
   */
  async time(
    jobs: number,
    say: (line: string) => void,
    submit: () => Promise<() => Promise<void>>,
  ): Promise<number[]> {
    const waits: number[] = []
    for (let i = 0; i < jobs; i++) {
      await sleep(settleMs)
      writeFileSync(this.starts, '')
      const sentMs = performance.timeOrigin + performance.now()
      const ended = await submit()
      await ended()
      const [first] = readFileSync(this.starts, 'utf8').split('\n')
      waits.push(Number(first) * 1000 - sentMs)
      if (i % 20 === 19) say(`${i + 1}/${jobs} jobs`)
    }
    return waits
  }
}
