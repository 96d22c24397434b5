import assert from 'node:assert/strict'
import { test } from 'node:test'
import { safeFileName } from './file-name.ts'

test('safeFileName() keeps good names and disarms others', () => {
  const cases = [
    ['film.mp4', 'film.mp4'],
    ['My Film (1).mov', 'My_Film_1.mov'],
    ['/etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['..', 'upload'],
    ['.hidden', 'hidden'],
    ['-rf.mp4', 'rf.mp4'],
    ['', 'upload'],
    ['動画.mp4', 'upload.mp4'],
    ['Ünïcode.MKV', 'U_ni_code.MKV'],
    ['a\0b\n.mp4', 'a_b.mp4'],
    ['archive.tar.gz', 'archive.tar.gz'],
  ]
  for (const [given = '', expected] of cases) assert.equal(safeFileName(given), expected, given)
})

test('safeFileName() shortens and keeps the extension', () => {
  const name = safeFileName('x'.repeat(500) + '.mp4')
  assert.equal(name.length, 100)
  assert.match(name, /x\.mp4$/)
})
