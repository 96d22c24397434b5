/** Keeps the part of a stream that is worth keeping, in bounded memory. */

/** Collects text. */
export interface TextKeeper {
  add(text: string): void
  text(): string
}

/** Keeps the last `limit` characters: what a tool said just before it died. */
export function keepLast(limit: number): TextKeeper {
  let pieces: string[] = []
  let length = 0
  return {
    add(text) {
      pieces.push(text)
      length += text.length
      if (length <= limit * 2) return
      pieces = [pieces.join('').slice(-limit)]
      length = limit
    },
    text: () => pieces.join('').slice(-limit),
  }
}

/** Keeps the first `limit` characters; calls `onOverflow` once when there is more. */
export function keepFirst(limit: number, onOverflow: () => void): TextKeeper {
  const pieces: string[] = []
  let room = limit
  let overflowed = false
  return {
    add(text) {
      if (text.length > room && !overflowed) {
        overflowed = true
        onOverflow()
      }
      if (room > 0) pieces.push(text.slice(0, room))
      room = Math.max(0, room - text.length)
    },
    text: () => pieces.join(''),
  }
}
