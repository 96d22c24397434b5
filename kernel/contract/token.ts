/** API tokens as people and programs see them. */
import { z } from 'zod'
import { roles } from './auth.ts'

/** Ten years: longer is for ever, and for ever is said by leaving it out. */
const mostSeconds = 10 * 366 * 86_400

/** What a new token shall be. */
export const apiTokenWishSchema = z.strictObject({
  /** What it is for, e.g. `nightly upload`. */
  name: z.string().trim().min(1).max(100).refine(
    (text) => text.isWellFormed() && /^\P{Cc}*$/u.test(text),
    { message: 'Control characters are not allowed' },
  ),
  /** At most one's own. @default one's own */
  role: z.enum(roles).optional(),
  /** @default does not expire */
  expires_in_seconds: z.int().min(60).max(mostSeconds).optional(),
})
export type ApiTokenWish = z.infer<typeof apiTokenWishSchema>

/** A token, without the token itself. */
export const apiTokenViewSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
})
export type ApiTokenView = z.infer<typeof apiTokenViewSchema>

/** A token that was made just now: the only time that it is shown. */
export const newApiTokenSchema = apiTokenViewSchema.extend({ token: z.string() })
export type NewApiToken = z.infer<typeof newApiTokenSchema>
