/** Tests of the words for profiles. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { profileFixture } from '../fixtures.ts'
import { profileSummary, profileTitle } from './profile-words.ts'

const description = 'HD for every player, quickly made: H.264 and AAC in MP4'

test('profileTitle() says what a profile is for, and profileSummary() what it makes', () => {
  const profile = { ...profileFixture, description }
  assert.equal(profileTitle(profile), 'HD for every player, quickly made')
  assert.equal(
    profileSummary(profile),
    'H.264 and AAC in MP4, up to 1280 × 720, at most 2.75 Mb/s',
  )
})

test('profileTitle() takes a description without a colon whole', () => {
  assert.equal(profileTitle(profileFixture), 'HD for every player')
  assert.equal(profileSummary(profileFixture), 'up to 1280 × 720, at most 2.75 Mb/s')
})
