/** One session with PGlite over the wire protocol: statements are prepared once and run in one trip each. */
import { type PGlite, protocol } from '@electric-sql/pglite'
import type { ServerReport } from './failure.ts'
import type { WireRows } from './pglite-messages.ts'
import {
  bindMessage,
  closeMessage,
  describeMessage,
  executeMessage,
  parseMessage,
  queryMessage,
  syncMessage,
} from './wire-messages.ts'
import type { WireText } from './wire-values.ts'

/** Prepared statements that are kept; the least recently prepared goes first. */
const maxPrepared = 300

type Columns = WireRows['columns']

/** The SQLSTATE of a prepared statement whose columns a migration has changed: it did nothing and can be prepared anew. */
const stalePlan = '0A000'

interface Prepared {
  readonly name: string
  readonly columns: Columns
}

/** What one trip to the server brought back. */
interface Answer {
  readonly rows: (readonly WireText[])[]
  columns: Columns
  failure: ServerReport | undefined
  /** `I` idle, `T` in a transaction, `E` in a failed one. */
  status: string
}

export type SessionResult =
  | { readonly status: 'finished'; readonly result: WireRows }
  | { readonly status: 'failed'; readonly report: ServerReport }

export interface PgliteSession {
  /** Runs one statement, with BEGIN before it when `begin`. */
  query(text: string, values: readonly WireText[], begin: boolean): SessionResult
  /** Runs statements without parameters. A failure leaves no transaction open. */
  script(text: string): SessionResult
}

/** A session over `pg`, which nothing else may use. */
export function createPgliteSession(
  pg: PGlite,
  onNotification: (channel: string, payload: string) => void,
): PgliteSession {
  const prepared = new Map<string, Prepared>()
  let names = 0

  const exchange = (messages: readonly Uint8Array[]): Answer => {
    const answer: Answer = { rows: [], columns: [], failure: undefined, status: 'I' }
    const bytes = pg.execProtocolRawSync(Buffer.concat(messages))
    new protocol.Parser().parse(bytes, (message) => readMessage(message, answer, onNotification))
    return answer
  }

  const forget = (text: string, name: string) => {
    prepared.delete(text)
    exchange([closeMessage(name), syncMessage()])
  }

  const keep = (text: string, statement: Prepared) => {
    prepared.set(text, statement)
    const [oldest] = prepared
    if (prepared.size > maxPrepared && oldest !== undefined) forget(oldest[0], oldest[1].name)
  }

  const query = (text: string, values: readonly WireText[], begin: boolean): SessionResult => {
    const known = prepared.get(text)
    const name = known?.name ?? `s${++names}`
    const answer = exchange([
      ...(begin ? [queryMessage('BEGIN')] : []),
      ...(known ? [] : [parseMessage(name, text), describeMessage(name)]),
      bindMessage(name, values),
      executeMessage(),
      syncMessage(),
    ])
    if (answer.failure !== undefined) {
      forget(text, name)
      const isFirst = begin || answer.status === 'I'
      if (known === undefined || !isFirst || answer.failure.sqlState !== stalePlan) {
        return { status: 'failed', report: answer.failure }
      }
      if (begin) exchange([queryMessage('ROLLBACK')])
      return query(text, values, begin)
    }
    const columns = known?.columns ?? answer.columns
    if (known === undefined) keep(text, { name, columns })
    return { status: 'finished', result: { columns, rows: answer.rows } }
  }

  return {
    query,
    script(text) {
      const answer = exchange([queryMessage(text)])
      if (answer.failure === undefined) return { status: 'finished', result: answer }
      if (answer.status !== 'I') exchange([queryMessage('ROLLBACK')])
      return { status: 'failed', report: answer.failure }
    },
  }
}

type BackendMessage = Parameters<Parameters<InstanceType<typeof protocol.Parser>['parse']>[1]>[0]

function readMessage(
  message: BackendMessage,
  answer: Answer,
  onNotification: (channel: string, payload: string) => void,
): void {
  const { messages } = protocol
  if (message instanceof messages.DataRowMessage) {
    answer.rows.push(message.fields)
  } else if (message instanceof messages.RowDescriptionMessage) {
    answer.columns = message.fields.map((field) => ({ name: field.name, typeId: field.dataTypeID }))
  } else if (message instanceof messages.DatabaseError) {
    // Later errors of one trip only say that the transaction is already aborted.
    answer.failure ??= {
      message: message.message,
      sqlState: message.code,
      detail: message.detail,
      constraint: message.constraint,
    }
  } else if (message instanceof messages.ReadyForQueryMessage) {
    answer.status = message.status
  } else if (message instanceof messages.NotificationResponseMessage) {
    onNotification(message.channel, message.payload)
  }
}
