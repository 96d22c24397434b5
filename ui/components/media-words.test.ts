import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameOfChannels, nameOfCodec, nameOfFormat } from './media-words.ts'

test('nameOfCodec() is what people say, and else the letters of FFmpeg in capitals', () => {
  const names = ['h264', 'hevc', 'aac', 'eac3', 'pcm_s16le', 'dts'].map(nameOfCodec)
  assert.deepEqual(names, ['H.264', 'H.265 (HEVC)', 'AAC', 'E-AC-3', 'PCM', 'DTS'])
})

test('nameOfFormat() goes by the first of several names', () => {
  assert.deepEqual(['mov,mp4,m4a', 'avi'].map(nameOfFormat), ['MP4 or QuickTime', 'AVI'])
})

test('nameOfChannels() says the usual ones in a word', () => {
  assert.deepEqual([1, 2, 6].map(nameOfChannels), ['mono', 'stereo', '6 channels'])
})
