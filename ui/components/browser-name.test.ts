import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameOfBrowser } from './browser-name.ts'

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'

test('nameOfBrowser() names the browser and not what it claims to be', () => {
  const names: readonly (readonly [string, string])[] = [
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/140.0 Safari/537.36`, 'Chrome on Linux'],
    [
      `Mozilla/5.0 (Windows NT 10.0) ${webkit} Chrome/140.0 Safari/537.36 Edg/140.0`,
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Firefox on macOS',
    ],
    [
      `Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) ${webkit} Version/18.0 Safari/604.1`,
      'Safari on iPhone',
    ],
  ]
  for (const [line, name] of names) assert.equal(nameOfBrowser(line), name)
})

test('nameOfBrowser() leaves a program as it calls itself', () => {
  assert.equal(nameOfBrowser('curl/8.5.0'), 'curl/8.5.0')
  assert.equal(nameOfBrowser(''), '')
})
