/** The database port: tagged SQL in, normalised rows out, one transaction at a time per caller. */

/** A value that both drivers bind alike. Objects travel as {@link json}. */
export type SqlValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | Date
  | Uint8Array
  | readonly string[]
  | readonly number[]
  | JsonValue

/**
 * A JSON parameter: bound as text; write `${json(x)}` and it becomes `$n::text::jsonb`. What JSON allows and Postgres
 * refuses to store, NUL and lone surrogates, becomes U+FFFD.
 */
export class JsonValue {
  readonly text: string
  constructor(value: unknown) {
    this.text = JSON.stringify(value ?? null).replaceAll(unstorable, '$1\\ufffd')
  }
}

/** An escape after an even number of backslashes. `JSON.stringify` escapes surrogates only where they are alone. */
const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** Wraps `value` as a JSON parameter. */
export function json(value: unknown): JsonValue {
  return new JsonValue(value)
}

/** A statement with numbered parameters. */
export interface Statement {
  readonly text: string
  readonly values: readonly Exclude<SqlValue, JsonValue>[]
}

/** Builds a {@link Statement}; a nested statement is spliced in with its parameters renumbered. */
export function sql(
  strings: TemplateStringsArray,
  ...parts: readonly (SqlValue | Statement)[]
): Statement {
  const values: Exclude<SqlValue, JsonValue>[] = []
  let text = strings[0] ?? ''
  parts.forEach((part, i) => {
    if (isStatement(part)) {
      text += part.text.replaceAll(/\$(\d+)/g, (_, n: string) => `$${values.length + Number(n)}`)
      values.push(...part.values)
    } else if (part instanceof JsonValue) {
      values.push(part.text)
      text += `$${values.length}::text::jsonb`
    } else {
      if (part === undefined) throw new TypeError(`sql: parameter ${i + 1} is undefined; pass null`)
      values.push(part)
      text += `$${values.length}`
    }
    text += strings[i + 1] ?? ''
  })
  return { text, values }
}

/** An empty statement, for optional clauses. */
export const nothing: Statement = { text: '', values: [] }

function isStatement(part: SqlValue | Statement): part is Statement {
  return typeof part === 'object' && part !== null && 'text' in part && 'values' in part &&
    Array.isArray(part.values)
}

/**
 * Reads. Rows are the same from every adapter: `bigint` columns are numbers (RangeError beyond 2^53), `numeric` is a
 * string, `timestamptz` a Date, `json`/`jsonb` parsed, `bytea` a Uint8Array.
 * @throws WE-SYS-002 with the driver's error as cause; its SQLSTATE is `sqlState(error)`
 */
export interface Reader {
  query<Row extends object>(statement: Statement): Promise<Row[]>
}

/** Writes; only to be had inside a transaction. */
export interface Writer extends Reader {
  readonly inTransaction: true
}

export type DatabaseKind = 'pglite' | 'postgres'

export interface Database extends Reader {
  readonly kind: DatabaseKind
  /**
   * Runs `work` in one transaction; commits when it resolves, rolls back when it throws.
   * Calling the database itself, rather than the writer, inside `work` is a TypeError, not a deadlock.
   */
  transaction<T>(work: (tx: Writer) => Promise<T>): Promise<T>
  /** Runs a script of several statements outside any transaction. */
  execute(script: string): Promise<void>
  /** Calls `handler` for each NOTIFY on `channel`, after its transaction committed. */
  listen(channel: string, handler: (payload: string) => void): Promise<() => Promise<void>>
  /** Waits for running work and closes. */
  close(): Promise<void>
}

/** Five characters of which one is a digit: EPIPE is not one. */
const sqlStatePattern = /^(?=.*\d)[0-9A-Z]{5}$/

/** The SQLSTATE of a database failure, looked up through its causes. */
export function sqlState(failure: unknown): string | undefined {
  for (let at = failure; at instanceof Error; at = at.cause) {
    const code: unknown = Reflect.get(at, 'sqlState') ?? Reflect.get(at, 'code')
    if (typeof code === 'string' && sqlStatePattern.test(code)) return code
  }
  return undefined
}
