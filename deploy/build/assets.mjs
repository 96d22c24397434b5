/** Builds the assets of the pages: the style sheet, the client scripts and the logo, under names that carry their hash. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutUnusedStyles } from './unused-styles.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ui = join(root, 'ui')
const styleSheet = join(ui, 'styles/app.css')
/** The pages that the kernel has itself. */
const kernelPages = { base: join(root, 'kernel/http'), pattern: 'sign-in-pages.ts' }
const htmx = join(root, 'node_modules/htmx.org/dist/htmx.min.js')

/**
 * Writes the assets and `manifest.json` (`{ stamp, files: { 'app.css': 'app.1a2b3c4d5e.css' } }`) into `outDir`. Does nothing
 * when no input has changed since the last time.
 * @param {string} outDir
 * @returns {Promise<Record<string, string>>} the hashed name of every asset
 */
export async function buildAssets(outDir) {
  const stamp = await stampOfInputs()
  const built = await readManifest(outDir)
  if (built?.stamp === stamp) return built.files

  const [css, scripts] = await Promise.all([buildStyles(), buildScripts()])
  const contents = {
    'app.css': css,
    ...scripts,
    'htmx.js': await readFile(htmx, 'utf8'),
    'logo.svg': await readFile(join(root, 'logo.svg'), 'utf8'),
  }
  await mkdir(outDir, { recursive: true })
  const files = {}
  for (const [name, content] of Object.entries(contents)) {
    files[name] = hashedName(name, content)
    await writeFile(join(outDir, files[name]), content)
  }
  await removeOthers(outDir, new Set(Object.values(files)))
  await writeWhole(join(outDir, 'manifest.json'), JSON.stringify({ stamp, files }, null, 2))
  return files
}

/** Tailwind and Basecoat, with only the classes that the pages name. Loaded late: a build that skips is quick. */
async function buildStyles() {
  const [{ compile, optimize }, { Scanner }] = await Promise.all([
    import('@tailwindcss/node'),
    import('@tailwindcss/oxide'),
  ])
  const compiler = await compile(await readFile(styleSheet, 'utf8'), {
    base: join(ui, 'styles'),
    from: styleSheet,
    onDependency: () => {},
  })
  const sources = [{ base: ui, pattern: '**/*.{ts,tsx}' }, kernelPages]
  const candidates = new Scanner({
    sources: sources.map((source) => ({ ...source, negated: false })),
  }).scan()
  const { code } = optimize(compiler.build(candidates), { file: 'app.css', minify: true })
  return withoutUnusedStyles(code)
}

/** Checks the client modules and strips their types; each stands alone, so there is nothing to bundle. */
async function buildScripts() {
  const folder = await mkdtemp(join(tmpdir(), 'webencode-client-'))
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const options = ['-p', join(ui, 'client'), '--outDir', folder]
    const { status } = spawnSync(process.execPath, [tsc, ...options], { stdio: 'inherit' })
    if (status !== 0) throw new Error('The client scripts do not compile')
    const scripts = {}
    for (const name of await readdir(folder)) {
      const script = await readFile(join(folder, name), 'utf8')
      // The compiler marks modules that export nothing; the one in the head is a plain script.
      scripts[name] = script.replace(/^export \{\};\n/m, '')
    }
    return scripts
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function stampOfInputs() {
  const hash = createHash('sha256')
  const inputs = [
    fileURLToPath(import.meta.url),
    fileURLToPath(new URL('unused-styles.mjs', import.meta.url)),
    join(root, 'logo.svg'),
    join(kernelPages.base, kernelPages.pattern),
    ...['tailwindcss', 'basecoat-css', 'htmx.org'].map((name) =>
      join(root, 'node_modules', name, 'package.json')
    ),
    ...(await filesBelow(ui)).map((file) => join(ui, file)),
  ]
  for (const file of inputs) hash.update(file.slice(root.length)).update(await readFile(file))
  return hash.digest('hex').slice(0, 32)
}

async function readManifest(outDir) {
  try {
    const manifest = JSON.parse(await readFile(join(outDir, 'manifest.json'), 'utf8'))
    const present = new Set(await readdir(outDir))
    return Object.values(manifest.files).every((file) => present.has(file)) ? manifest : undefined
  } catch (failure) {
    if (failure.code === 'ENOENT' || failure instanceof SyntaxError) return undefined
    throw failure
  }
}

function hashedName(name, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 10)
  const extension = extname(name)
  return `${name.slice(0, -extension.length)}.${hash}${extension}`
}

async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

async function removeOthers(outDir, keep) {
  for (const name of await readdir(outDir)) {
    if (!keep.has(name) && name !== 'manifest.json') await rm(join(outDir, name), { force: true })
  }
}

/** A reader sees the old file or the new one, never half of it. */
async function writeWhole(file, content) {
  await writeFile(`${file}.new`, content)
  await rename(`${file}.new`, file)
}
