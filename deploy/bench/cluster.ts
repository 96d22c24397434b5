/** The benchmark of many machines: `npm run bench:cluster [-- SECTION ...]` prints a table and writes `cluster-results.json`. */
import { liveSection } from './cluster/live.ts'
import { runSections } from './run.ts'

await runSections([liveSection], 'cluster-results.json')
