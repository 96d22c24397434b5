/** Runs the sections of a benchmark that are asked for: a table for people, a file for programs. */
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { stopProducts } from '../checks/product.ts'
import { endLater, runToItsEnd } from '../cluster/endings.ts'
import { type Figure, type Section, tableFrom } from './figure.ts'

/**
 * Measures the sections named on the command line, or all, one after the other. Nothing that they start outlives the program,
 * whether they fail or Ctrl-C ends them.
 * @param resultsFile - where the figures go as JSON
 */
export async function runSections(
  sections: readonly Section[],
  resultsFile: string,
): Promise<void> {
  await runToItsEnd(async () => {
    endLater(stopProducts)
    await measureSections(sections, resultsFile)
  })
}

async function measureSections(sections: readonly Section[], resultsFile: string): Promise<void> {
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => sections.every((section) => section.name !== name))
  if (unknown.length > 0) {
    const known = sections.map(({ name }) => name).join(', ')
    throw new RangeError(`Cannot measure ${unknown.join(', ')}: the sections are ${known}`)
  }
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
  writeFileSync(resultsFile, JSON.stringify({ machine, figures }, null, 2) + '\n')
  console.log(tableFrom(figures))
}
