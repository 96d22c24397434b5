/** Input that several routes share: ids, text that every store can keep, and the job that must exist. */
import { z } from 'zod'
import type { JobView } from '../../contract/job.ts'
import type { Reader } from '../../db/database.ts'
import { readJob } from '../../db/jobs.ts'
import { WebEncodeError } from '../../errors.ts'

/** `{id}` of a path. */
export const idParams = z.object({ id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/) })

/** Text without control characters and half surrogates, which Postgres cannot store. */
export function plainText<Schema extends z.ZodType<string>>(schema: Schema) {
  return schema
    .refine((text) => text.isWellFormed() && !hasControl(text), {
      message: 'Control characters are not allowed',
    })
    .meta({ pattern: '^[^\\u0000-\\u001f\\u007f]*$' })
}

/** The job. @throws WE-JOB-004 */
export async function requireJob(db: Reader, id: string): Promise<JobView> {
  const job = await readJob(db, id)
  if (job === undefined) throw new WebEncodeError('WE-JOB-004', `No job exists with ID: ${id}`)
  return job
}

function hasControl(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text)
}
