/** How much is done at the same time: what comes on top is told to come again, before it costs anything. */
import type { MiddlewareHandler } from 'hono'
import { networkOf } from '../address.ts'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv, HttpConfig } from './deps.ts'
import type { RuntimeEnv } from '../runtime/runtime.ts'
import type { Load, Rule } from './permissions.ts'

/** Places for so many at the same time. */
export interface Gate {
  /** Takes a place; undefined when there is none. What it returns gives the place back; calling it again changes nothing. */
  enter(client: string): (() => void) | undefined
}

/** One client gets no more than this part of the places, so that it cannot keep out everybody else. */
const shareOfClient = 1 / 4
/** Passwords that are checked at the same time: each takes 32 MiB and a thread. */
const maxSignIns = 8
/** Probes and scrapes, which must get through when everything else is busy. */
const maxVital = 64

/** What is full, for people, and the seconds after which another try makes sense. */
const refusals: Readonly<
  Record<Load, { readonly what: string; readonly retryAfterSeconds: number }>
> = {
  request: { what: 'requests', retryAfterSeconds: 1 },
  vital: { what: 'probes', retryAfterSeconds: 1 },
  'sign-in': { what: 'sign-ins', retryAfterSeconds: 1 },
  upload: { what: 'uploads', retryAfterSeconds: 5 },
  download: { what: 'downloads', retryAfterSeconds: 5 },
}

/** Creates a gate with `places`, of which one client gets its share. */
export function createGate(places: number): Gate {
  const most = Math.ceil(places * shareOfClient)
  const byClient = new Map<string, number>()
  let taken = 0
  return {
    enter(client) {
      const own = byClient.get(client) ?? 0
      if (taken >= places || own >= most) return undefined
      taken++
      byClient.set(client, own + 1)
      return once(() => {
        taken--
        const left = (byClient.get(client) ?? 1) - 1
        if (left === 0) byClient.delete(client)
        else byClient.set(client, left)
      })
    },
  }
}

/** Bounds what runs at the same time, each kind of load by itself. A download runs until its last byte is sent. @throws WE-SYS-004 */
export function limitInFlight(
  { maxRequests, maxTransfers }: Pick<HttpConfig, 'maxRequests' | 'maxTransfers'>,
): MiddlewareHandler<AppEnv> {
  const gates: Readonly<Record<Load, Gate>> = {
    request: createGate(maxRequests),
    vital: createGate(maxVital),
    'sign-in': createGate(maxSignIns),
    upload: createGate(maxTransfers),
    download: createGate(maxTransfers),
  }
  return async (c, next) => {
    const load = loadOf(c.get('rule'))
    const leave = gates[load].enter(networkOf(c.get('clientIp')))
    if (leave === undefined) throw full(load)
    let isSending = false
    try {
      await next()
      const { body } = c.res
      if (load !== 'download' || body === null) return
      // Nobody reads the body of an answer to HEAD.
      if (c.req.method === 'HEAD') return await body.cancel()
      c.res = new Response(sent(body, leave, c.env?.onAnswerClosed), c.res)
      isSending = true
    } finally {
      if (!isSending) leave()
    }
  }
}

function loadOf(rule: Rule | undefined): Load {
  return rule?.load ?? (rule?.isStreamed === true ? 'upload' : 'request')
}

function full(load: Load): WebEncodeError {
  const { what, retryAfterSeconds } = refusals[load]
  const message = `Too many ${what} are under way; try again in ${retryAfterSeconds} s`
  return new WebEncodeError('WE-SYS-004', message, { retryAfterSeconds })
}

/** The same body, that says when it ended: sent, failed, or given up because the client went away. */
function sent(
  body: ReadableStream<Uint8Array>,
  onEnd: () => void,
  onAnswerClosed: RuntimeEnv['onAnswerClosed'],
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const giveUp = async (reason: unknown) => {
    onEnd()
    await reader.cancel(reason)
  }
  onAnswerClosed?.(() => {
    giveUp('the answer is closed').catch(() => {})
  })
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        onEnd()
        controller.close()
      } catch (failure) {
        onEnd()
        throw failure
      }
    },
    cancel: giveUp,
  }, { highWaterMark: 0 })
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    work()
  }
}
