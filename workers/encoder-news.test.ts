/** When the worker says which encoders it has, and to whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstalledEncoder } from '../kernel/contract/encoder-routing.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { EncoderNews, type EncoderTold } from './encoder-news.ts'
import { ManualClock } from './manual-clock.fixture.ts'

const encoder = (id: string): InstalledEncoder => ({ id, version: '1', tools: [] })
const unread = new WebEncodeError('WE-WRK-004', 'Unrecognized key', { next: 'stop' })

/** News to a kernel that notes what it hears, and refuses what it cannot read. */
function openNews() {
  const clock = new ManualClock()
  const heard: string[] = []
  const kernel = { isOld: false, isGone: false }
  let list = () => Promise.resolve([encoder('a')])
  const news = new EncoderNews({ list: () => list(), clock, log: silentLog })
  const ask = async ({ encoders }: EncoderTold) => {
    heard.push(encoders?.map(({ id }) => id).join() ?? 'nothing')
    if (kernel.isGone) throw new WebEncodeError('WE-SYS-003', 'gone')
    if (kernel.isOld && encoders !== undefined) throw unread
  }
  return { clock, heard, kernel, news, ask, become: (next: typeof list) => void (list = next) }
}

test('EncoderNews says all when it joins, and later only what has changed', async () => {
  const { heard, news, ask, become } = openNews()
  await news.introduce(ask)
  await news.update(ask)
  become(() => Promise.resolve([encoder('a'), encoder('b')]))
  await news.update(ask)
  await news.update(ask)
  await news.introduce(ask)
  assert.deepEqual(heard, ['a', 'nothing', 'a,b', 'nothing', 'a,b'])
})

test('EncoderNews asks an older kernel at once without, and tries again half a minute later', async () => {
  const { clock, heard, kernel, news, ask } = openNews()
  kernel.isOld = true
  await news.introduce(ask)
  assert.deepEqual(heard.splice(0), ['a', 'nothing'])
  await clock.advance(29_999)
  await news.update(ask)
  kernel.isOld = false
  await clock.advance(1)
  await news.update(ask)
  await news.update(ask)
  assert.deepEqual(heard, ['nothing', 'a', 'nothing'])
})

test('EncoderNews says again what did not arrive, and nothing when the list cannot be read', async () => {
  const { heard, kernel, news, ask, become } = openNews()
  kernel.isGone = true
  await assert.rejects(news.introduce(ask), { code: 'WE-SYS-003' })
  kernel.isGone = false
  await news.update(ask)
  become(() => Promise.reject(new Error('disk')))
  await news.update(ask)
  assert.deepEqual(heard, ['a', 'a', 'nothing'])
})
