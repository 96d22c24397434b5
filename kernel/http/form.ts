/** Reads the fields of a form, of pages and of sign-ins. */
import type { Context } from 'hono'
import { messageOf, WebEncodeError } from '../errors.ts'
import type { AppEnv } from './deps.ts'

/** The text fields of a form; none of a body that is no form. @throws WE-JOB-001 for one that cannot be read, or breaks off */
export async function readForm(c: Context<AppEnv>): Promise<Record<string, string>> {
  const body = await bodyOf(c)
  return Object.fromEntries(
    Object.entries(body).filter((field): field is [string, string] => typeof field[1] === 'string'),
  )
}

async function bodyOf(c: Context<AppEnv>): Promise<Record<string, unknown>> {
  try {
    return await c.req.parseBody()
  } catch (cause) {
    const problem = `The form cannot be read: ${messageOf(cause)}`
    throw new WebEncodeError('WE-JOB-001', problem, { cause })
  }
}
