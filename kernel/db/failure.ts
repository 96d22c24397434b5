/** What a failure of the database becomes, whichever driver it came from. */
import { messageOf, WebEncodeError } from '../errors.ts'

/** What the server said about a failed statement. */
export interface ServerReport {
  readonly message: string
  /** Five characters: https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly sqlState: string | undefined
  readonly detail: string | undefined
  readonly constraint: string | undefined
}

/** A statement that the server refused. */
export class StatementFailed extends Error {
  override readonly name = 'StatementFailed'
  readonly sqlState: string | undefined
  readonly detail: string | undefined
  readonly constraint: string | undefined
  /** The statement, without its parameters. */
  readonly statement: string

  constructor(report: ServerReport, statement: string) {
    super(report.message)
    this.sqlState = report.sqlState
    this.detail = report.detail
    this.constraint = report.constraint
    this.statement = statement
  }
}

/** Classes of SQLSTATE that the same statement may survive another time: connection, rollback, resources, operator, system. */
const passingClasses = new Set(['08', '40', '53', '55', '57', '58'])

/** WE-SYS-002 for a statement that the server refused. */
export function statementFailure(report: ServerReport, statement: string): WebEncodeError {
  const passes = report.sqlState === undefined || passingClasses.has(report.sqlState.slice(0, 2))
  return new WebEncodeError('WE-SYS-002', `Cannot run a statement: ${report.message}`, {
    next: passes ? 'retry' : 'stop',
    cause: new StatementFailed(report, statement),
  })
}

/** WE-SYS-002 for a database that cannot be used at all. */
export function databaseFailure(action: string, cause: unknown): WebEncodeError {
  return new WebEncodeError('WE-SYS-002', `Cannot ${action}: ${messageOf(cause)}`, { cause })
}

/** WE-SYS-002 for use after `close`. */
export function closedFailure(): WebEncodeError {
  return new WebEncodeError('WE-SYS-002', 'Cannot use the database: it is closed', { next: 'stop' })
}
