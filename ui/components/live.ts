/** Marks the part of a page that changes by itself. */

/**
 * Attributes of a live element: it is fetched from `url` and morphed when one of `topics` (separated by blanks) changes.
 * The client script triggers it; a failed answer leaves what is there.
 */
export function liveAttributes(url: string, topics: string): Readonly<Record<string, string>> {
  return {
    'hx-get': url,
    'hx-trigger': 'refresh',
    'hx-swap': 'outerMorph',
    'hx-status:4xx': 'swap:none',
    'hx-status:5xx': 'swap:none',
    'data-live': topics,
  }
}
