/** A real, certified OpenID provider of a test's own: in this process, on a free port, with people who need no password. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

/** What is used of `oidc-provider`, which has no types. */
interface ProviderServer {
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
    options: object,
  ): Promise<void>
  readonly Grant: new (facts: { accountId: string; clientId: string }) => {
    addOIDCScope(scope: string): void
    addOIDCClaims(claims: readonly string[]): void
    addResourceScope(resource: string, scope: string): void
    save(): Promise<string>
  }
}

interface Interaction {
  readonly prompt: { readonly name: string }
  readonly params: { readonly client_id: string; readonly scope: string }
  readonly session?: { readonly accountId: string }
}

type ProviderClass = new (issuer: string, configuration: object) => ProviderServer

/** A person of the provider, with the claims that it tells. */
export type TestPerson = Readonly<Record<string, unknown>>

export interface TestProviderOptions {
  /** Where the browser comes back, and where sessions are told to end. */
  readonly redirectUri: string
  readonly returnUrl?: string
  readonly backchannelUrl?: string
  /** People by their subject. */
  readonly people: Readonly<Record<string, TestPerson>>
}

export interface TestProvider {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Who signs in next; undefined: they press Cancel. */
  person: string | undefined
  /** Claims by subject, to change. */
  readonly people: Record<string, TestPerson>
  /** Answers every request with 500. */
  isBroken: boolean
  /** Gives it a new signing key; tokens of the old one are no longer its own. */
  rotate(): Promise<void>
  /** A token as the provider would sign it, but for what is changed. */
  sign(claims: JWTPayload, header?: { typ?: string; kid?: string }): Promise<string>
  /** Follows redirects within the provider. @returns the first address outside of it */
  browse(url: string): Promise<string>
  /** Confirms the sign-out that the page at `url` asks about. */
  endSession(url: string): Promise<void>
  /** Cookies of the one browser. */
  readonly cookies: Map<string, string>
  stop(): Promise<void>
}

const clientId = 'webencode'
const clientSecret = 'a-client-secret-of-thirty-two-bytes'
const audience = 'webencode'
const mostRedirects = 20

/** Starts a provider with one client. Its access tokens are JWTs for the client. */
export async function startTestProvider(options: TestProviderOptions): Promise<TestProvider> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new TypeError('a TCP port was asked for')
  }
  const issuer = `http://127.0.0.1:${address.port}`
  // The name in a variable: the module has no types, and needs none.
  const moduleName: string = 'oidc-provider'
  const { Provider } = await import(moduleName) as { Provider: ProviderClass }

  const state = {
    person: Object.keys(options.people)[0],
    people: { ...options.people },
    isBroken: false,
    keys: await createKeys('key-1'),
    rotations: 1,
  }
  const create = () =>
    new Provider(issuer, configurationFrom(options, state.keys.jwk, (sub) => state.people[sub]))
  let provider = create()
  let answer = provider.callback()
  server.on('request', (request, response) => {
    if (state.isBroken) {
      response.writeHead(500).end()
      return
    }
    const work = request.url?.startsWith('/interaction/')
      ? interact(provider, request, response, state.person)
      : answer(request, response)
    work.catch((failure: unknown) => response.writeHead(500).end(String(failure)))
  })

  const cookies = new Map<string, string>()
  return {
    issuer,
    clientId,
    clientSecret,
    cookies,
    people: state.people,
    get person() {
      return state.person
    },
    set person(subject) {
      state.person = subject
    },
    get isBroken() {
      return state.isBroken
    },
    set isBroken(broken) {
      state.isBroken = broken
    },
    async rotate() {
      state.keys = await createKeys(`key-${++state.rotations}`)
      provider = create()
      answer = provider.callback()
    },
    sign: (claims, header = {}) =>
      new SignJWT({ iss: issuer, aud: audience, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: state.keys.jwk.kid ?? '', ...header })
        .sign(state.keys.privateKey),
    browse: (url) => browse(url, issuer, cookies),
    endSession: (url) => endSession(url, cookies),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function createKeys(kid: string) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk: JWK = { ...await exportJWK(privateKey), kid, alg: 'RS256', use: 'sig' }
  return { privateKey, jwk }
}

function configurationFrom(
  { redirectUri, returnUrl, backchannelUrl }: TestProviderOptions,
  key: JWK,
  claimsOf: (subject: string) => TestPerson | undefined,
): object {
  return {
    jwks: { keys: [key] },
    clients: [{
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      ...(returnUrl !== undefined && { post_logout_redirect_uris: [returnUrl] }),
      ...(backchannelUrl !== undefined && {
        backchannel_logout_uri: backchannelUrl,
        backchannel_logout_session_required: true,
      }),
    }],
    cookies: { keys: ['a key of a test'] },
    // Its own refuses loopback addresses.
    fetch: (url: string, { method, headers, body, redirect }: RequestInit) =>
      fetch(url, { method, headers, body, redirect } as RequestInit),
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'groups'],
      email: ['email'],
    },
    pkce: { required: () => true },
    issueRefreshToken: () => true,
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount(_: unknown, subject: string) {
      const claims = claimsOf(subject)
      return claims && { accountId: subject, claims: () => ({ sub: subject, ...claims }) }
    },
    extraTokenClaims: (_: unknown, { accountId }: { accountId: string }) => claimsOf(accountId),
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: confirmLogout },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:webencode',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'openid profile email',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  }
}

/** The page on which people confirm that they sign out; a test reads its form. */
function confirmLogout(context: { body: string }, form: string): void {
  context.body = form
}

/** Signs the person in and grants what was asked, or says no. */
async function interact(
  provider: ProviderServer,
  request: IncomingMessage,
  response: ServerResponse,
  person: string | undefined,
): Promise<void> {
  const details = await provider.interactionDetails(request, response)
  const finish = (result: object) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
  if (person === undefined) return await finish({ error: 'access_denied' })
  if (details.prompt.name === 'login') return await finish({ login: { accountId: person } })
  const grant = new provider.Grant({
    accountId: details.session?.accountId ?? person,
    clientId: details.params.client_id,
  })
  grant.addOIDCScope(details.params.scope)
  grant.addResourceScope('urn:webencode', details.params.scope)
  await finish({ consent: { grantId: await grant.save() } })
}

async function browse(
  url: string,
  issuer: string,
  cookies: Map<string, string>,
): Promise<string> {
  for (let at = url, hops = 0; hops < mostRedirects; hops++) {
    if (!at.startsWith(issuer)) return at
    const response = await fetch(at, { redirect: 'manual', headers: cookieHeader(cookies) })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) {
      throw new Error(`${response.status} at ${at}: ${(await response.text()).slice(0, 500)}`)
    }
    await response.body?.cancel()
    at = new URL(location, at).href
  }
  throw new Error(`more than ${mostRedirects} redirects from ${url}`)
}

async function endSession(url: string, cookies: Map<string, string>): Promise<void> {
  const page = await fetch(url, { headers: cookieHeader(cookies) })
  const form = await page.text()
  for (const cookie of page.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    cookies.set(name, value)
  }
  const action = /action="([^"]+)"/.exec(form)?.[1] ?? ''
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? ''
  const done = await fetch(new URL(action, url), {
    method: 'POST',
    redirect: 'manual',
    headers: cookieHeader(cookies),
    body: new URLSearchParams({ xsrf, logout: 'yes' }),
  })
  const text = await done.text()
  if (done.status >= 400) {
    throw new Error(`${done.status} at the end of the session: ${text.slice(0, 500)}`)
  }
}

function cookieHeader(cookies: Map<string, string>): { cookie: string } {
  return { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
}
