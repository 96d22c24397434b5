/** What survives a round trip through JSON. */
import { z } from 'zod'

export type Json = string | number | boolean | null | readonly Json[] | {
  readonly [key: string]: Json
}

/** Any JSON value. */
export const jsonSchema: z.ZodType<Json> = z.json() as unknown as z.ZodType<Json>
