/** The README says what the code says: settings, profiles, rooms and version. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configTable } from '../../kernel/config.ts'
import { presets } from '../../kernel/profiles.ts'
import { version } from '../box/version.ts'

const readme = readFileSync('README.md', 'utf8')

test('the README has the table of settings as the code has it', () => {
  assert.ok(
    normal(readme).includes(normal(configTable())),
    `README.md must contain:\n${configTable()}`,
  )
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
