/** Tests that no page uses a component whose styles the build leaves out. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = rootFrom(fileURLToPath(new URL('.', import.meta.url)))
const unused: unknown = JSON.parse(
  readFileSync(join(root, 'ui/styles/unused-components.json'), 'utf8'),
)

test('the components that the build leaves out are in no class attribute', () => {
  assert.ok(Array.isArray(unused) && unused.length > 0)
  const used = new Set(sources().flatMap((file) => classesIn(readFileSync(file, 'utf8'))))
  assert.ok(used.has('btn') && used.has('card'))
  assert.deepEqual(unused.filter((name) => used.has(name)), [])
})

test('the built style sheet has what pages use, and not what they do not', () => {
  const assets = join(root, 'dist/ui/assets')
  const name = readdirSync(assets).find((file) => /^app\..*\.css$/.test(file))
  const css = readFileSync(join(assets, name ?? 'app.css'), 'utf8')
  for (const kept of ['btn', 'card', 'badge', 'select', 'chunks']) {
    assert.ok(css.includes(`.${kept}`))
  }
  for (const left of ['.accordion', '.drawer', '.toaster']) assert.ok(!css.includes(left), left)
})

/** The sources, seen from themselves and from `dist`. */
function rootFrom(folder: string): string {
  return existsSync(join(folder, 'deno.json')) && !folder.endsWith('dist')
    ? folder
    : rootFrom(dirname(folder))
}

function sources(): string[] {
  const ui = readdirSync(join(root, 'ui'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.test)\.tsx?$/.test(file))
  return [...ui.map((file) => join(root, 'ui', file)), join(root, 'kernel/http/sign-in-pages.ts')]
}

/** The words of class attributes: a text, or an expression with texts in it. */
function classesIn(source: string): string[] {
  const values = source.matchAll(
    /class(?:es)?=(?:'([^']*)'|"([^"]*)"|\{([^}]*(?:\$\{[^}]*\}[^}]*)*)\})/g,
  )
  return [...values].flatMap(([, ...texts]) => texts.join(' ').match(/[a-z][\w-]*/g) ?? [])
}
