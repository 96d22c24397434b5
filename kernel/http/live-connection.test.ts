import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { type Role, roles } from '../contract/auth.ts'
import type { SharedText } from '../runtime/shared-text.ts'
import { LiveConnection } from './live-connection.ts'
import type { LiveTopic, LiveTopics } from './live-topics.ts'
import type { SendQueue } from './send-queue.ts'

const needed: Readonly<Record<string, Role>> = {
  'job:1:updates': 'viewer',
  'upload:1:updates': 'operator',
  'audit:list': 'admin',
}

/** The topics that somebody with this role may watch, and what they were told of the others. */
function watch(role: Role, names: readonly string[]) {
  const watched: string[] = []
  const answers: { code?: string; message?: string; topic?: string }[] = []
  const socket = {
    bufferedAmount: 0,
    send: (text: SharedText) => void answers.push(JSON.parse(text.text) as object),
    close: () => {},
  }
  const topics: Pick<LiveTopics, 'watch' | 'unwatch'> = {
    watch(name): LiveTopic | 'unknown' {
      if (needed[name] === undefined) return 'unknown'
      watched.push(name)
      return { name, state: undefined }
    },
    unwatch: () => {},
  }
  const queue: Pick<SendQueue, 'add' | 'remove'> = { add: () => {}, remove: () => {} }
  const connection = new LiveConnection(socket, role, {
    topics: topics as LiveTopics,
    clock: systemClock,
    queue: queue as SendQueue,
    onClosed: () => {},
    accessOf: (topic) => needed[topic],
  })
  for (const topic of names) connection.receive(JSON.stringify({ type: 'subscribe', topic }))
  connection.close()
  return { watched, answers }
}

test('a topic is watched by those whose role includes its own', () => {
  const seen = Object.fromEntries(
    roles.map((role) => [role, watch(role, Object.keys(needed)).watched]),
  )
  assert.deepEqual(seen, {
    viewer: ['job:1:updates'],
    operator: ['job:1:updates', 'upload:1:updates'],
    admin: ['job:1:updates', 'upload:1:updates', 'audit:list'],
  })
})

test('who may not is told which role it needs, and who asks for nothing that is, that there is none', () => {
  const { answers } = watch('viewer', ['audit:list', 'nothing'])
  assert.deepEqual(answers.map(({ code, topic }) => [code, topic]), [
    ['WE-AUTH-003', 'audit:list'],
    ['WE-JOB-001', 'nothing'],
  ])
  assert.match(answers[0]?.message ?? '', /needs the role admin, and yours is viewer/)
})

test('a client that talks without an end is sent away, and one that pings now and then is not', () => {
  let nowMs = 0
  const closed: number[] = []
  const socket = {
    bufferedAmount: 0,
    send: () => {},
    close: (code: number) => void closed.push(code),
  }
  const connection = new LiveConnection(socket, 'viewer', {
    topics: {} as LiveTopics,
    clock: { now: () => nowMs },
    queue: { add: () => {}, remove: () => {} } as unknown as SendQueue,
    onClosed: () => {},
    accessOf: () => undefined,
  })
  const ping = () => connection.receive('{"type":"ping"}')
  for (let i = 0; i < 1000; i++, nowMs += 50) ping()
  assert.deepEqual(closed, [])
  for (let i = 0; i < 300; i++) ping()
  assert.deepEqual(closed, [1008])
})
