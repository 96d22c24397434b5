/** One measured figure of the benchmark: what was measured, against which goal, and whether it was reached. */

export interface Figure {
  readonly name: string
  /** As measured, in `unit`. */
  readonly value: number
  readonly unit: string
  readonly goal: string
  readonly reached: boolean
  /** What the value was made of, e.g. the two times of a ratio. */
  readonly detail: string
}

/** A section of the benchmark: measures and answers its figures, or says why it cannot. */
export interface Section {
  readonly name: string
  measure(say: (line: string) => void): Promise<Figure[]>
}

/** The value below which `share` (0 to 1) of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The middle sample. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5)
}

/** Median and 99th percentile of waits in milliseconds, against their goals. */
export function latencyFigures(
  name: string,
  waitsMs: readonly number[],
  { p50, p99, detail }: { readonly p50: number; readonly p99: number; readonly detail: string },
): Figure[] {
  return ([['p50', 0.5, p50], ['p99', 0.99, p99]] as const).map(([word, share, most]) => {
    const value = percentile(waitsMs, share)
    return {
      name: `${name}, ${word}`,
      value,
      unit: 'ms',
      goal: `<= ${most} ms`,
      reached: value <= most,
      detail: `${detail}; the longest ${Math.max(...waitsMs).toFixed(0)} ms`,
    }
  })
}

/** The figures as a table for a person. */
export function tableFrom(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${figure.value.toFixed(figure.value < 10 ? 3 : 1)} ${figure.unit}`.trim(),
    figure.goal,
    figure.reached ? 'yes' : 'NO',
    figure.detail,
  ])
  const all = [['figure', 'measured', 'goal', 'reached', 'made of'], ...rows]
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0))
  )
  return all.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()
  ).join('\n')
}
