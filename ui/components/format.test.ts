import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatBitrate,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRelative,
  formatSpeed,
  formatTimecode,
  nameOfSource,
  placeOfSource,
} from './format.ts'

test('formatBytes() steps by 1000 and never shows 1000 of a unit', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [999_499, '999 kB'],
    [999_600, '1 MB'],
    [1_421_000_000, '1.42 GB'],
    [88e9, '88 GB'],
    [-5, '0 B'],
  ]
  for (const [sizeBytes, text] of cases) assert.equal(formatBytes(sizeBytes), text)
})

test('formatDuration() uses the two largest units', () => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [0.44, '0.4 s'],
    [9.94, '9.9 s'],
    [42.4, '42 s'],
    [59.7, '1 min'],
    [200, '3 min 20 s'],
    [3600, '1 h 00 min'],
    [3900, '1 h 05 min'],
    [200_000, '2 d 7 h'],
  ]
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text)
})

test('formatTimecode() shows tenths only when there are some, and carries them', () => {
  assert.equal(formatTimecode(65), '1:05')
  assert.equal(formatTimecode(634.5), '10:34.5')
  assert.equal(formatTimecode(59.96), '1:00')
  assert.equal(formatTimecode(3723), '1:02:03')
})

test('formatPercent() says 100 only of what is complete', () => {
  assert.equal(formatPercent(99.99), '99 %')
  assert.equal(formatPercent(100), '100 %')
  assert.equal(formatPercent(-1), '0 %')
})

test('formatSpeed() and formatBitrate() keep few digits', () => {
  assert.equal(formatSpeed(2.449), '2.4×')
  assert.equal(formatSpeed(183.2), '183×')
  assert.equal(formatBitrate(5_500_000), '5.5 Mb/s')
  assert.equal(formatBitrate(128_000), '128 kb/s')
})

test('formatRelative() looks back, ahead, and gives up after a month', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  assert.equal(formatRelative(now - 3000, now), 'just now')
  assert.equal(formatRelative(now - 59_000, now), '59 s ago')
  assert.equal(formatRelative(now - 3_599_000, now), '59 min ago')
  assert.equal(formatRelative(now + 7_200_000, now), 'in 2 h')
  assert.equal(formatRelative(now - 40 * 86_400_000, now), '2026-01-20')
})

test('formatCount() counts one and many', () => {
  assert.equal(formatCount(1, 'chunk'), '1 chunk')
  assert.equal(formatCount(1200, 'chunk'), '1,200 chunks')
})

test('nameOfSource() is the decoded last part of a path, whatever the URL looks like', () => {
  const cases: [string, string][] = [
    ['https://a.example/b/My%20film.mp4?sig=1#t', 'My film.mp4'],
    ['fs://uploads/1/raw.mov', 'raw.mov'],
    ['file:///media/a/', 'a'],
    ['https://a.example/100%.mp4', '100%.mp4'],
    ['https://', 'https://'],
  ]
  for (const [url, name] of cases) assert.equal(nameOfSource(url), name)
})

test('placeOfSource() hides what only the storage needs', () => {
  assert.equal(placeOfSource('fs://uploads/1b2/a.mp4'), 'Uploaded')
  assert.equal(placeOfSource('file:///srv/a%20b.mp4'), '/srv/a b.mp4')
  assert.equal(placeOfSource('https://a.example/%E0.mp4'), 'https://a.example/%E0.mp4')
})
