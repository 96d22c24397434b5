/** The benchmark: `npm run bench [-- SECTION ...]` prints a table and writes `bench-results.json`. */
import { encodeSection } from './encode.ts'
import { latencySection } from './latency.ts'
import { pluginsSection } from './plugins.ts'
import { runSections } from './run.ts'
import { startSection } from './start.ts'
import { storageSection } from './storage.ts'
import { transitionsSection } from './transitions.ts'

await runSections(
  [
    startSection,
    latencySection,
    transitionsSection,
    pluginsSection,
    storageSection,
    encodeSection,
  ],
  'bench-results.json',
)
