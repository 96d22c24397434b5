/** Tests of what becomes of a plugin's lines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogBook, parseLogLine } from './log-book.ts'

test('parseLogLine() knows our JSON, that of hclog, and plain text', () => {
  assert.deepEqual(
    parseLogLine(
      '{"level":"warn","message":"slow","correlation_id":"r1","disk":"a","timestamp":"x"}',
    ),
    { level: 'warn', message: 'slow {"disk":"a"}', correlationId: 'r1' },
  )
  assert.deepEqual(
    parseLogLine('{"@level":"trace","@message":"hi","@timestamp":"x","@module":"m"}'),
    {
      level: 'debug',
      message: 'hi',
    },
  )
  assert.deepEqual(parseLogLine('plain text'), { level: 'info', message: 'plain text' })
  assert.deepEqual(parseLogLine('{broken'), { level: 'info', message: '{broken' })
  assert.deepEqual(parseLogLine('{"level":7}'), { level: 'info', message: '{"level":7}' })
})

test('createLogBook() puts lines together, keeps 500 and cuts long ones', () => {
  let now = 0
  const book = createLogBook(() => now)
  book.write('stdout', 'first ha')
  book.write('stderr', 'other\n')
  book.write('stdout', 'lf\nnext\n')
  assert.deepEqual(book.lines().map(({ message }) => message), ['other', 'first half', 'next'])
  book.write('stdout', 'x'.repeat(1_000_000))
  book.write('stdout', 'y'.repeat(1_000_000) + '\nafter\n')
  const [long, after] = book.lines().slice(-2)
  assert.deepEqual([long?.message.length, after?.message], [8192, 'after'])
  for (let i = 0; i < 700; i++) {
    now += 1000
    book.write('stderr', `line ${i}\n`)
  }
  assert.equal(book.lines().length, 500)
  assert.equal(book.lines().at(-1)?.message, 'line 699')
})

test('createLogBook() drops what is more than 500 lines a second, and says so', () => {
  let now = 0
  const book = createLogBook(() => now)
  const heard: string[] = []
  const stop = book.listen(({ message }) => heard.push(message))
  for (let i = 0; i < 600; i++) book.write('stdout', 'again\n')
  assert.equal(heard.length, 500)
  now = 1000
  book.write('stdout', 'later\n')
  assert.deepEqual(heard.slice(-2), ['100 lines were dropped: too many a second', 'later'])
  stop()
  book.add('error', 'unheard')
  assert.equal(heard.at(-1), 'later')
})
