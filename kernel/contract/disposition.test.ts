import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attachmentOf } from './disposition.ts'

test('attachmentOf() names a file for old clients and new ones, and lets no name out of its quotes', () => {
  const cases = [
    ['film (1).mp4', `"film (1).mp4"; filename*=UTF-8''film%20%281%29.mp4`],
    ['fílm "1".mp4', `"f_lm _1_.mp4"; filename*=UTF-8''f%C3%ADlm%20%221%22.mp4`],
    [`it's*.mp4`, `"it_s_.mp4"; filename*=UTF-8''it%27s%2A.mp4`],
    ['a\r\nx: y', `"a__x_ y"; filename*=UTF-8''a%0D%0Ax%3A%20y`],
    ['half \ud83d', `"half _"; filename*=UTF-8''half%20%EF%BF%BD`],
  ] as const
  for (const [name, expected] of cases) {
    assert.equal(attachmentOf(name), `attachment; filename=${expected}`, name)
  }
})
