import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Admissions, type Permission } from './admissions.ts'
import { createHandClock } from './hand-clock.fixture.ts'

function createTrial() {
  const clock = createHandClock()
  const refused: string[] = []
  const unanswered: unknown[] = []
  const admissions: Admissions<string> = new Admissions(clock, (member) => {
    refused.push(member)
    admissions.remove(member)
  }, (failure) => unanswered.push(failure))
  const questions: string[] = []
  const permission = (key: string, answer: () => Promise<boolean>): Permission => ({
    key,
    userId: `user of ${key[0]}`,
    role: 'viewer',
    isValid() {
      questions.push(key)
      return answer()
    },
  })
  const pass = async (ms: number) => {
    clock.pass(ms)
    await setImmediate()
  }
  return { admissions, questions, refused, unanswered, permission, pass }
}

const yes = () => Promise.resolve(true)
const no = () => Promise.resolve(false)

describe('Admissions', () => {
  test('asks one question a minute for all who showed the same', async () => {
    const { admissions, questions, permission, pass } = createTrial()
    for (let i = 0; i < 1000; i++) admissions.add(permission('a', yes), `a${i}`)
    admissions.add(permission('b', yes), 'b')
    await pass(59_999)
    assert.deepEqual(questions, [])
    await pass(1)
    assert.deepEqual(questions, ['a', 'b'])
    await pass(60_000)
    assert.deepEqual(questions, ['a', 'b', 'a', 'b'])
    assert.equal(admissions.size, 1001)
  })

  test('counts the members of a user, whatever they showed', () => {
    const { admissions, permission } = createTrial()
    admissions.add(permission('a with a token', yes), 'a1')
    admissions.add(permission('a with a cookie', yes), 'a2')
    admissions.add(permission('b', yes), 'b')
    const counts = () => ['a', 'b', 'c'].map((name) => admissions.countOf(`user of ${name}`))
    assert.deepEqual(counts(), [2, 1, 0])
    for (const member of ['a1', 'a1', 'nobody', 'b']) admissions.remove(member)
    assert.deepEqual(counts(), [1, 0, 0])
  })

  test('refuses everyone in a group whose permission ended, and nobody else', async () => {
    const { admissions, refused, permission, pass } = createTrial()
    admissions.add(permission('a', no), 'a1')
    admissions.add(permission('a', no), 'a2')
    admissions.add(permission('b', yes), 'b')
    await pass(60_000)
    assert.deepEqual(refused, ['a1', 'a2'])
    assert.deepEqual([...admissions.members], ['b'])
  })

  test('keeps those whose question cannot be answered now, and says so', async () => {
    const { admissions, refused, unanswered, permission, pass } = createTrial()
    admissions.add(permission('a', () => Promise.reject(new Error('away'))), 'a')
    await pass(60_000)
    assert.deepEqual([refused, admissions.size], [[], 1])
    assert.match(String(unanswered), /away/)
  })

  test('asks four questions at a time', async () => {
    const { admissions, questions, permission, pass } = createTrial()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    for (let i = 0; i < 10; i++) admissions.add(permission(`k${i}`, () => promise), `m${i}`)
    await pass(60_000)
    assert.equal(questions.length, 4)
    resolve(true)
    await setImmediate()
    assert.equal(questions.length, 10)
  })

  test('asks about nobody who left, and starts again when somebody comes', async () => {
    const { admissions, questions, permission, pass } = createTrial()
    admissions.add(permission('a', yes), 'a')
    admissions.remove('a')
    await pass(60_000)
    assert.deepEqual(questions, [])
    admissions.add(permission('b', yes), 'b')
    await pass(60_000)
    assert.deepEqual(questions, ['b'])
  })
})
