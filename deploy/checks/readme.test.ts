/** The README and its pages say what the code says: settings, profiles, rooms and version. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configTable } from '../../kernel/config.ts'
import { presets } from '../../kernel/profiles.ts'
import { version } from '../box/version.ts'

const readme = readFileSync('README.md', 'utf8')

test('the page of settings has their table as the code has it, and the README names no other', () => {
  const settings = readFileSync('deploy/docs/settings.md', 'utf8')
  assert.ok(
    normal(settings).includes(normal(configTable())),
    `deploy/docs/settings.md must contain:\n${configTable()}`,
  )
  const named = readme.match(/`(?:WEBENCODE|KERNEL|WORKER)_[A-Z0-9_]+/g) ?? []
  assert.deepEqual(named.filter((name) => !settings.includes(`${name}\``)), [])
})

test('the README names every profile, with its description', () => {
  for (const { name, description } of presets) {
    const row = `| \`${name}\` | ${description} |`
    assert.ok(normal(readme).includes(row), row)
  }
})

test('the README links only files that are there', () => {
  const links = [...readme.matchAll(/\]\(((?!http)[^)#]+)\)|src="([^"]+)"/g)].map((match) =>
    match[1] ?? match[2] ?? ''
  )
  assert.deepEqual(links.filter((link) => !existsSync(link)), [])
})

test('version is that of package.json', () => {
  const { version: packageVersion } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    version: string
  }
  assert.equal(version, packageVersion)
})

/** A table without the padding that a formatter adds. */
function normal(text: string): string {
  return text.replaceAll(/ {2,}/g, ' ').replaceAll(/\| ?-{3,} ?(?=\|)/g, '|---')
}
