/** An encoder that says how many of its runs are going on. */
import type { EncoderEngine } from '../kernel/contract/encoder.ts'

/** @param onChange - told the number of runs whenever it changes */
export function countRuns(
  encoder: EncoderEngine,
  onChange: (running: number) => void,
): EncoderEngine {
  let running = 0
  return {
    getCapabilities: () => encoder.getCapabilities(),
    close: () => encoder.close(),
    async run(run, options) {
      onChange(++running)
      try {
        return await encoder.run(run, options)
      } finally {
        onChange(--running)
      }
    },
  }
}
