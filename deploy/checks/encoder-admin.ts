/** What checks of encoder plugins do as an admin: configure, enable, route and encode. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { systemClock } from '../../kernel/clock.ts'
import {
  endedJobStatuses,
  type JobDetail,
  type JobView,
  type TaskView,
} from '../../kernel/contract/job.ts'
import { mediaDirectory } from './product.ts'

/** What an admin does about one plugin, through the API. */
export class EncoderAdmin {
  readonly #id: string
  readonly #fetch: (path: string, init?: RequestInit) => Promise<Response>
  readonly #marks: string

  /** @param marks - file that the plugin notes its runs in */
  constructor(
    id: string,
    fetch: (path: string, init?: RequestInit) => Promise<Response>,
    marks: string,
  ) {
    this.#id = id
    this.#fetch = fetch
    this.#marks = marks
  }

  async send<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.#fetch(path, {
      method,
      ...body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  configure(config: object): Promise<unknown> {
    const whole = { config: { marks: this.#marks, ...config } }
    return this.send('PUT', `/v1/plugins/${this.#id}/config`, whole)
  }

  switch(plugin: string, verb: 'enable' | 'disable'): Promise<unknown> {
    return this.send('POST', `/v1/plugins/${plugin}/${verb}`)
  }

  /** Rules for H.264, by plugin and priority. */
  route(priorities: Readonly<Record<string, number>>): Promise<unknown> {
    const rules = Object.entries(priorities).map(([plugin_id, priority]) => ({
      matches: 'h264',
      plugin_id,
      priority,
    }))
    return this.send('PUT', '/v1/plugins/routes/encoder', { rules })
  }

  /** Hands the sample in. @returns the id of the job */
  async submit(): Promise<string> {
    const source = { source_url: `file://${mediaDirectory}/sample.mp4`, profile: '480p_fast' }
    return (await this.send<JobView>('POST', '/v1/jobs', source)).id
  }

  /** Looks at the job until it is as it should be. */
  async until(job: string, isMet: (view: JobDetail) => boolean): Promise<JobDetail> {
    const giveUpAt = Date.now() + 120_000
    for (;;) {
      const view = await this.send<JobDetail>('GET', `/v1/jobs/${job}`)
      if (isMet(view)) return view
      assert.ok(Date.now() < giveUpAt, `still ${JSON.stringify(view)}`)
      await systemClock.sleep(100)
    }
  }

  ended(job: string): Promise<JobDetail> {
    return this.until(job, ({ status }) => endedJobStatuses.includes(status))
  }

  async tasks(job: string): Promise<readonly TaskView[]> {
    return (await this.send<{ tasks: TaskView[] }>('GET', `/v1/jobs/${job}/tasks`)).tasks
  }

  /** Encodes, and tells which runs the plugin noted meanwhile, each kind once. */
  async noted(): Promise<string[]> {
    const before = this.#lines().length
    const { status, error } = await this.ended(await this.submit())
    assert.equal(status, 'completed', JSON.stringify(error))
    return [...new Set(this.#lines().slice(before))]
  }

  #lines(): string[] {
    return existsSync(this.#marks)
      ? readFileSync(this.#marks, 'utf8').split('\n').filter((line) => line !== '')
      : []
  }
}
