/** `webencode plugin`: what `new` writes passes `check`, and `check` finds what is wrong. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pillars } from '../../kernel/contract/plugin.ts'
import { newPlugin, tryPlugin } from './plugin.ts'

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'new-plugin-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** The lines of a check, and whether all hold. */
async function check(folder: string, config: unknown = {}, env: Record<string, string> = {}) {
  const lines: string[] = []
  const holds = await tryPlugin({ folder, config, env, say: (line) => lines.push(line) })
  return { holds, lines }
}

test(
  'what newPlugin() writes passes tryPlugin(), for every pillar',
  { timeout: 120_000 },
  async (t) => {
    const directory = directoryOf(t)
    for (const pillar of pillars) {
      const folder = join(directory, `my-${pillar}`)
      await newPlugin(folder, pillar)
      const { holds, lines } = await check(folder)
      assert.ok(holds, lines.join('\n'))
      assert.ok(lines.length >= 6)
    }
  },
)

test('newPlugin() refuses a name that is no id, a folder that exists, and unknown pillars', async (t) => {
  const directory = directoryOf(t)
  const refused = { code: 'WE-PLG-003' }
  await assert.rejects(newPlugin(join(directory, 'My Plugin'), 'storage'), refused)
  await assert.rejects(newPlugin(join(directory, 'mine'), 'disk'), refused)
  await newPlugin(join(directory, 'mine'), 'auth')
  await assert.rejects(newPlugin(join(directory, 'mine'), 'auth'), refused)
})

test('tryPlugin() says what a plugin does wrong', { timeout: 120_000 }, async (t) => {
  const folder = join(directoryOf(t), 'wrong')
  await newPlugin(folder, 'storage')
  const main = join(folder, 'main.ts')
  const text = readFileSync(main, 'utf8')
  writeFileSync(
    main,
    text.replace("'WE-STO-001'", "'WE-STO-004'").replace('key.startsWith(prefix)', 'true'),
  )
  const { holds, lines } = await check(folder)
  const failed = lines.filter((line) => line.startsWith('FAILED')).join('\n')
  assert.equal(holds, false)
  assert.match(
    failed,
    /a missing object is WE-STO-001\n.*must fail with WE-STO-001, found WE-STO-004/,
  )
  writeFileSync(main, 'nonsense')
  assert.match((await check(folder)).lines.join('\n'), /FAILED {2}it starts.*\n.*Its last words/)
  assert.match((await check(folder, { size: 1 })).lines.join('\n'), /FAILED.*schema\n.*"size"/)
})

test(
  'tryPlugin() passes storage-fs, with a secret from the environment',
  { timeout: 120_000 },
  async (t) => {
    const folder = fileURLToPath(new URL('../../plugins/storage-fs', import.meta.url))
    const config = { root: directoryOf(t), signing_key_ref: 'secret/key' }
    const { holds, lines } = await check(folder, config, {
      PLUGIN_CHECK_SECRET_SECRET_KEY: 'k'.repeat(40),
    })
    assert.ok(holds, lines.join('\n'))
  },
)

test('the example of the plugin page works', { timeout: 120_000 }, async (t) => {
  const page = readFileSync('kernel/plugin/README.md', 'utf8')
  const block = (language: string) =>
    new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? ''
  const folder = join(directoryOf(t), 'greeter')
  mkdirSync(folder)
  writeFileSync(join(folder, 'plugin.toml'), block('toml'))
  writeFileSync(join(folder, 'main.ts'), block('ts'))
  const config = { endpoint: 'https://example.com/publish', token_ref: 'greeter/token' }
  const { holds, lines } = await check(folder, config, {
    PLUGIN_CHECK_SECRET_GREETER_TOKEN: 'secret',
  })
  assert.ok(holds, lines.join('\n'))
  const without = await check(folder, config)
  assert.match(
    without.lines.join('\n'),
    /FAILED {2}it starts.*\n.*PLUGIN_CHECK_SECRET_GREETER_TOKEN/,
  )
})
