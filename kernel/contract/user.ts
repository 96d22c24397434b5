/** Users that this server keeps itself: how they are made and changed, and what people and programs see of all users. */
import { z } from 'zod'
import { type Authenticator, type Role, roles, type UserProfile } from './auth.ts'

/** What a user may be called. Upper and lower case are the same. */
export const usernamePattern = /^[A-Za-z0-9._@-]{1,64}$/

/** Characters of a password. */
export const passwordLength = { min: 8, max: 1024 } as const

/** Who shall be added. */
export const newUserSchema = z.strictObject({
  username: z.string().regex(usernamePattern, {
    message: 'must have 1 to 64 letters, digits or . _ @ -',
  }),
  role: z.enum(roles),
  /** Absent: signs in by link and token only. */
  password: z.string().min(passwordLength.min).max(passwordLength.max).optional(),
})
export type NewUser = z.infer<typeof newUserSchema>

/** Somebody who may sign in. */
export const userSchema = z.strictObject({
  id: z.string(),
  username: z.string(),
  email: z.string(),
  role: z.enum(roles),
})
export type UserView = z.infer<typeof userSchema>

/** A user of the list, with what they have open. */
export const listedUserSchema = userSchema.extend({
  /** Kept by this server, which may change and delete them; others belong to where they sign in. */
  is_kept_here: z.boolean(),
  sessions: z.int(),
  tokens: z.int(),
  /** Null: never. */
  last_login_at: z.string().nullable(),
})
export type ListedUser = z.infer<typeof listedUserSchema>

/** A user that was added just now: the only time that the token is shown. */
export const addedUserSchema = userSchema.extend({ token: z.string() })
export type AddedUser = z.infer<typeof addedUserSchema>

/** The users that this server keeps. Every command fails with WE-AUTH-007 when it cannot be done, with WE-AUTH-005 when the file cannot be used. */
export interface UserKeeper extends Pick<Authenticator, 'getUserProfile' | 'listUsers'> {
  /** @returns the user, and an API token that is shown only now */
  addUser(user: NewUser): Promise<{ user: UserProfile; token: string }>
  /** Holds with their next request. The last administrator stays one. */
  setRole(userId: string, role: Role): Promise<UserProfile>
  /** Their sessions end with their next request. The last administrator cannot be removed. */
  removeUser(userId: string): Promise<void>
}
