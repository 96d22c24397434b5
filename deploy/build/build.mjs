/** Builds `dist/`: compiles the TypeScript, copies what is not code, makes the page assets and the database template. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const out = join(root, 'dist')
const rooms = ['kernel', 'actors', 'workers', 'plugins', 'ui', 'deploy']
const copied = /\.(sql|proto|toml|json|go|mod|sum)$/

removeOrphans()
compile()
copyFiles()
chmodSync(join(out, 'deploy/cli.js'), 0o755)
const { buildAssets } = await import('./assets.mjs')
await buildAssets(join(out, 'ui/assets'))
await buildTemplate()

/** Removes compiled files whose source is gone, so that a renamed test does not run for ever. */
function removeOrphans() {
  if (!existsSync(out)) return
  for (const file of files(out)) {
    const source = file.replace(/\.js(\.map)?$/, '')
    if (
      source === file || rooms.every((room) => !file.startsWith(`${room}/`)) ||
      file.startsWith('ui/assets/')
    ) continue
    if (!existsSync(join(root, `${source}.ts`)) && !existsSync(join(root, `${source}.tsx`))) {
      rmSync(join(out, file))
    }
  }
}

function compile() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

function copyFiles() {
  for (const room of rooms) {
    for (const file of files(join(root, room))) {
      if (!copied.test(file) || file.startsWith('checks/media/')) continue
      const target = join(out, room, file)
      mkdirSync(dirname(target), { recursive: true })
      cpSync(join(root, room, file), target)
    }
  }
}

/** The template is made anew when a migration or PGlite itself has changed. */
async function buildTemplate() {
  const target = join(out, 'kernel/db/template.tar.gz')
  const hash = createHash('sha256')
  const migrations = join(root, 'kernel/db/migrations')
  for (const file of readdirSync(migrations).sort()) {
    hash.update(file).update(readFileSync(join(migrations, file)))
  }
  hash.update(readFileSync(join(root, 'node_modules/@electric-sql/pglite/package.json')))
  const stamp = hash.digest('hex')
  if (
    existsSync(target) && existsSync(`${target}.stamp`) &&
    readFileSync(`${target}.stamp`, 'utf8') === stamp
  ) return
  const { createTemplate } = await import(pathToFileURL(join(out, 'kernel/db/migrate.js')).href)
  await createTemplate(target)
  writeFileSync(`${target}.stamp`, stamp)
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}
