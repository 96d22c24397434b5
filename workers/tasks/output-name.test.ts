/** Tests of output-name.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outputName } from './output-name.ts'

test('outputName() keeps letters of every script and replaces the rest', () => {
  const cases = [
    ['movie.mov', 'movie.mp4'],
    ['Ferien 2024 (Teil 1).MKV', 'Ferien_2024_Teil_1_.mp4'],
    ['動画.mp4', '動画.mp4'],
    ['../../etc/passwd', 'etc_passwd.mp4'],
    ['.mp4', 'video.mp4'],
    ['', 'video.mp4'],
    ['v1.2 final', 'v1.2_final.mp4'],
  ]
  for (const [name = '', wanted] of cases) assert.equal(outputName(name, 'mp4'), wanted)
  assert.equal(outputName('x'.repeat(500), 'webm').length, 105)
})
