/** A moment as people read it. */
import { formatRelative } from './format.ts'

/** A moment relative to now. The client script keeps the text current and puts the local time into the tooltip. */
export function Time({ at, now }: { at: string; now: number }) {
  return (
    <time
      datetime={at}
      title={`${at.slice(0, 19).replace('T', ' ')} UTC`}
      data-relative
      class='whitespace-nowrap'
    >
      {formatRelative(Date.parse(at), now)}
    </time>
  )
}
