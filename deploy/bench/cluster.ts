/** The benchmark of many machines: `npm run bench:cluster [-- SECTION ...]` prints a table and writes `cluster-results.json`. */
import { claimsSection } from './cluster/claims.ts'
import { historySection } from './cluster/history.ts'
import { liveSection } from './cluster/live.ts'
import { recoverySection, startSection } from './cluster/start.ts'
import { submissionsSection } from './cluster/submissions.ts'
import { runSections } from './run.ts'

await runSections(
  [
    startSection,
    recoverySection,
    submissionsSection,
    claimsSection,
    historySection,
    liveSection,
  ],
  'cluster-results.json',
)
