/** What a kernel says when it serves. */
import type { Config } from '../../kernel/config.ts'
import type { Listening } from './http.ts'

/** Lines for the terminal. A token that the configuration fixes is not repeated. */
export function kernelGreeting(
  { url, adminToken, signInUrl }: Listening,
  config: Pick<Config, 'adminToken'>,
): string[] {
  const isNew = adminToken !== '' && config.adminToken === undefined
  return [
    `Sign in once, within 15 minutes: ${signInUrl}`,
    ...(isNew ? [`API token of the admin, shown this once: ${adminToken}`] : []),
    `WebEncode listens on ${url}`,
  ]
}
