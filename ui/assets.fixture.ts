/** The files that pages load, as the build would leave them, each saying which it is. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Names that pages know. */
const names = [
  'app.css',
  'htmx.js',
  'live.js',
  'page.js',
  'poster.js',
  'theme.js',
  'upload.js',
  'logo.svg',
]

/** Writes them, and the manifest that finds them under other names, into a new folder, which the caller removes. */
export function writeAssets(): string {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-assets-'))
  for (const name of names) writeFileSync(join(directory, `x.${name}`), `content of ${name}`)
  const files = Object.fromEntries(names.map((name) => [name, `x.${name}`]))
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify({ files }))
  return directory
}
