/** Keeps the last part of a long text. */

/** A text that forgets its beginning. */
export interface Tail {
  add(text: string): void
  text(): string
}

/** A tail of at most `maxChars` characters, cut at a line where there is one. */
export function createTail(maxChars: number): Tail {
  let kept = ''
  let forgot = false
  return {
    add(text) {
      kept += text
      // Cutting only at twice the size keeps the cost of a flood of lines linear.
      if (kept.length > maxChars * 2) {
        kept = kept.slice(-maxChars)
        forgot = true
      }
    },
    text() {
      if (!forgot && kept.length <= maxChars) return kept
      const last = kept.slice(-maxChars)
      return last.slice(last.indexOf('\n') + 1)
    },
  }
}
