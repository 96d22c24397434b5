import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activeHref, navigationFor, type NavigationGroup } from './navigation.ts'

test('activeHref() is the longest entry that the path belongs to', () => {
  assert.equal(activeHref('/jobs'), '/jobs')
  assert.equal(activeHref('/jobs/new'), '/jobs/new')
  assert.equal(activeHref('/jobs/7d1f'), '/jobs')
  assert.equal(activeHref('/jobsearch'), undefined)
})

test('navigationFor() hides from viewers what they may not do', () => {
  const hrefs = (role: 'viewer' | 'operator') => hrefsOf(navigationFor(role))
  assert.ok(!hrefs('viewer').includes('/jobs/new'))
  assert.ok(hrefs('operator').includes('/jobs/new'))
})

test('navigationFor() shows no title above nothing', () => {
  const titles = navigationFor('viewer').map(({ title }) => title)
  assert.deepEqual(titles, [undefined, 'System', 'Developers'])
})

function hrefsOf(groups: readonly NavigationGroup[]): string[] {
  return groups.flatMap(({ items }) => items.map((item) => item.href))
}
