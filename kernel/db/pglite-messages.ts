/** What the main thread and PGlite's thread say to each other. */
import type { ServerReport } from './failure.ts'
import type { WireText } from './wire-values.ts'

/** How the thread starts. */
export interface ThreadSetup {
  /** Data directory; null: in memory. */
  readonly dataDirectory: string | null
  /** A gzipped tar of a data directory to start from; null: open what is there, or run initdb. */
  readonly template: string | null
}

export type ThreadRequest =
  /** One statement with parameters; `begin` opens a transaction before it, in the same trip. */
  | {
    readonly kind: 'query'
    readonly id: number
    readonly begin: boolean
    readonly text: string
    readonly values: readonly WireText[]
  }
  /** Statements without parameters, outside a transaction or ending one. */
  | { readonly kind: 'script'; readonly id: number; readonly text: string }
  /** The data directory as a tar. */
  | { readonly kind: 'dump'; readonly id: number }
  | { readonly kind: 'close'; readonly id: number }

/** Rows as the wire has them; the main thread parses. */
export interface WireRows {
  readonly columns: readonly { readonly name: string; readonly typeId: number }[]
  readonly rows: readonly (readonly WireText[])[]
}

export type ThreadReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unusable'; readonly message: string }
  | { readonly kind: 'rows'; readonly id: number; readonly result: WireRows }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'dumped'; readonly id: number; readonly tar: Uint8Array }
  | { readonly kind: 'failed'; readonly id: number; readonly report: ServerReport }
  | { readonly kind: 'notification'; readonly channel: string; readonly payload: string }
