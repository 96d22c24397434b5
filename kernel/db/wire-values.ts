/** How values travel: parameters as text whose type the server infers, columns parsed by their type, alike for both drivers. */
import type { Statement } from './database.ts'

type BoundValue = Statement['values'][number]

/** A parameter on the wire: text in Postgres' own notation, or NULL. */
export type WireText = string | null

/** The value in Postgres' text notation. @throws RangeError for an invalid Date */
export function wireTextFrom(value: BoundValue): WireText {
  if (value === null || typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) {
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
  }
  if (isArray(value)) return `{${value.map(arrayElementFrom).join(',')}}`
  return String(value)
}

function isArray(value: BoundValue): value is readonly string[] | readonly number[] {
  return Array.isArray(value)
}

function arrayElementFrom(element: string | number): string {
  return typeof element === 'number' ? String(element) : `"${element.replaceAll(/["\\]/g, '\\$&')}"`
}

/** A value of a row. */
export type RowValue = unknown

type Parser = (text: string) => RowValue

const sameText: Parser = (text) => text

/** Parsers by the object id of the type in `pg_type`; other types stay text. */
export const columnParsers: Readonly<Record<number, Parser>> = {
  16: (text) => text === 't', // bool
  17: (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex')), // bytea
  20: safeIntegerFrom, // int8
  21: Number, // int2
  23: Number, // int4
  26: Number, // oid
  114: (text) => JSON.parse(text) as unknown, // json
  700: Number, // float4
  701: Number, // float8
  1007: (text) => arrayFrom(text, Number), // int4[]
  1009: (text) => arrayFrom(text, sameText), // text[]
  1016: (text) => arrayFrom(text, safeIntegerFrom), // int8[]
  1022: (text) => arrayFrom(text, Number), // float8[]
  1184: dateFrom, // timestamptz
  3802: (text) => JSON.parse(text) as unknown, // jsonb
}

/** Parses one column of one row. @throws RangeError for a bigint beyond 2^53 */
export function rowValueFrom(text: WireText, typeId: number): RowValue {
  if (text === null) return null
  const parse = columnParsers[typeId]
  return parse === undefined ? text : parse(text)
}

function safeIntegerFrom(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(
      `Cannot read the bigint ${text}: it must lie between -(2^53 - 1) and 2^53 - 1; cast it to text`,
    )
  }
  return value
}

/** `2026-11-22 10:41:46.123456+00`: the session's time zone is UTC on both drivers. */
function dateFrom(text: string): Date {
  return new Date(text.replace(' ', 'T').replace(/\+00$/, 'Z'))
}

/** Elements of a one-dimensional array literal: quoted, NULL or bare. */
const arrayElements = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)/g

function arrayFrom(text: string, parse: Parser): RowValue[] {
  return Array.from(text.matchAll(arrayElements), ([, quoted, bare]) => {
    if (quoted !== undefined) return parse(quoted.replaceAll(/\\(.)/gs, '$1'))
    return bare === undefined || bare === 'NULL' ? null : parse(bare)
  })
}
