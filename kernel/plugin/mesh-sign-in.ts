/** The sign-in plugins that serve now, as one authenticator: each is asked in turn, as the rules and priorities of the admin say. */
import { authorizeRole } from '../contract/access.ts'
import {
  type Authenticator,
  type AuthRequest,
  type AuthResponse,
  nobody,
} from '../contract/auth.ts'
import type { PluginMesh } from '../contract/plugin-mesh.ts'
import { WebEncodeError } from '../errors.ts'
import { authFrom } from './adapters/auth.ts'

/** What the ids of all their users begin with; then comes the plugin's own. */
export const meshUserPrefix = 'plugin:'

/** Links and proxies are the kernel's own affair: what they say never leaves it. */
const schemes: readonly AuthRequest['scheme'][] = ['bearer', 'basic', 'api-key']

/** A user of a plugin is called `plugin:<plugin>:<id>`, so that no plugin can speak for the users of another way to sign in. */
export function createMeshSignIn(mesh: PluginMesh): Authenticator {
  const authOf = (id: string) =>
    authFrom({ call: (method, request, options) => mesh.call(id, method, request, options) })

  const serving = () =>
    mesh.listServing('auth').toSorted((a, b) => b.priority - a.priority)
      .map(({ manifest: { id } }) => id)

  /** Those that rules or manifests name for the method, then the others: each may know the token. */
  const servingFor = async (scheme: AuthRequest['scheme']) => {
    const others = serving()
    if (others.length < 2) return others
    return [...new Set([...await mesh.route({ pillar: 'auth', value: scheme }), ...others])]
  }

  async function firstValid(
    ids: readonly string[],
    question: (auth: Authenticator) => Promise<AuthResponse>,
  ): Promise<AuthResponse> {
    let failure: unknown
    for (const id of ids) {
      try {
        const answer = await question(authOf(id))
        if (answer.valid) return { ...answer, userId: `${meshUserPrefix}${id}:${answer.userId}` }
      } catch (cause) {
        failure ??= cause
      }
    }
    if (failure !== undefined) throw unavailable(failure)
    return nobody
  }

  const getUserProfile: Authenticator['getUserProfile'] = async (userId) => {
    const named = nameOf(userId)
    if (named === undefined) return undefined
    const profile = await authOf(named.plugin).getUserProfile(named.user).catch((cause) => {
      throw unavailable(cause)
    })
    return profile && { ...profile, userId }
  }

  return {
    authenticate: async (request) =>
      schemes.includes(request.scheme)
        ? await firstValid(await servingFor(request.scheme), (auth) => auth.authenticate(request))
        : nobody,
    async authorize(request) {
      return authorizeRole((await getUserProfile(request.userId))?.role, request)
    },
    getUserProfile,
    async listUsers(page) {
      const lists = await Promise.all(
        serving().map(async (id) => {
          const { users, totalCount } = await authOf(id).listUsers(page).catch((cause) => {
            throw unavailable(cause)
          })
          const named = users.map((user) => ({
            ...user,
            userId: `${meshUserPrefix}${id}:${user.userId}`,
          }))
          return { users: named, totalCount }
        }),
      )
      return {
        users: lists.flatMap(({ users }) => users).slice(0, page.pageSize),
        totalCount: lists.reduce((sum, { totalCount }) => sum + totalCount, 0),
      }
    },
    refreshToken: (request) => firstValid(serving(), (auth) => auth.refreshToken(request)),
    async logout(request) {
      const named = nameOf(request.userId)
      if (named !== undefined) await authOf(named.plugin).logout({ ...request, userId: named.user })
    },
  }
}

function nameOf(userId: string): { plugin: string; user: string } | undefined {
  const [, plugin, user] = /^plugin:([a-z0-9-]+):(.*)$/s.exec(userId) ?? []
  return plugin === undefined || user === undefined ? undefined : { plugin, user }
}

function unavailable(cause: unknown): WebEncodeError {
  return new WebEncodeError('WE-AUTH-005', 'A sign-in plugin does not answer', { cause })
}
