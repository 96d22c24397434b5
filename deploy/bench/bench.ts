/** The benchmark: `npm run bench [-- SECTION ...]` prints a table and writes `bench-results.json`. */
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { encodeSection } from './encode.ts'
import { type Figure, type Section, tableFrom } from './figure.ts'
import { latencySection } from './latency.ts'
import { startSection } from './start.ts'
import { transitionsSection } from './transitions.ts'

const sections: readonly Section[] = [
  startSection,
  latencySection,
  transitionsSection,
  encodeSection,
]
const wanted = process.argv.slice(2)
const figures: Figure[] = []
for (const section of sections) {
  if (wanted.length > 0 && !wanted.includes(section.name)) continue
  console.error(`== ${section.name}`)
  figures.push(...await section.measure((line) => console.error(`   ${line}`)))
}
const machine = {
  cores: cpus().length,
  model: cpus()[0]?.model ?? '',
  memoryBytes: totalmem(),
  runtime: process.version,
}
writeFileSync('bench-results.json', JSON.stringify({ machine, figures }, null, 2) + '\n')
console.log(tableFrom(figures))
