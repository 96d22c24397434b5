/** Sign-in at an OpenID Connect provider: Keycloak, Entra ID, Google, Authentik and their like. */
import { authorizeRole } from '../../kernel/contract/access.ts'
import {
  type Authenticator,
  nobody,
  type RedirectSignIn,
  type UserProfile,
} from '../../kernel/contract/auth.ts'
import { userPageFrom } from '../../kernel/contract/user-page.ts'
import { displayNameOf } from './claims.ts'
import { type OidcOptions, settingsFrom } from './options.ts'
import { createProviderFinder } from './provider.ts'
import { createRedirect, type OnSignIn } from './redirect.ts'
import { createTokenReader } from './tokens.ts'

/** The sign-in plugin: bearer tokens, and the way to the provider and back. */
export type OidcAuth = Authenticator & RedirectSignIn

/** More people are not remembered; who signed in longest ago is forgotten first. */
const mostRemembered = 10_000

/**
 * Asks one provider, which is discovered at the first question.
 * A provider cannot be asked who its users are: profiles are known of people who signed in here, since this start.
 * @throws WE-PLG-003 for settings that cannot work
 */
export function createOidcAuth(options: OidcOptions): OidcAuth {
  const settings = settingsFrom(options)
  const { clock } = settings
  const findProvider = createProviderFinder(settings)
  const tokens = createTokenReader(settings, findProvider)
  const profiles = new Map<string, UserProfile>()

  const remember: OnSignIn = (claims, { userId, username, email, role }) => {
    const nowUnix = Math.floor(clock.now() / 1000)
    const { createdAtUnix = nowUnix } = profiles.get(userId) ?? {}
    const displayName = displayNameOf(claims) || username
    const profile = { userId, username, email, displayName, role, createdAtUnix }
    profiles.delete(userId)
    profiles.set(userId, { ...profile, lastLoginUnix: nowUnix })
    const [oldest] = profiles.keys()
    if (profiles.size > mostRemembered && oldest !== undefined) profiles.delete(oldest)
  }

  return {
    ...createRedirect(settings, findProvider, tokens, remember),
    readLogoutNotice: tokens.readLogoutNotice,
    authenticate: ({ token, scheme }) =>
      scheme === 'bearer' ? tokens.readAccessToken(token) : Promise.resolve(nobody),
    authorize: (request) =>
      Promise.resolve(authorizeRole(profiles.get(request.userId)?.role, request)),
    getUserProfile: (userId) => Promise.resolve(profiles.get(userId)),
    listUsers: (wanted) => Promise.resolve(userPageFrom([...profiles.values()], wanted)),
    // The provider's sessions end where the browser is sent to (`logoutUrl`); ours are the kernel's.
    logout({ userId }) {
      profiles.delete(userId)
      return Promise.resolve()
    },
  }
}
