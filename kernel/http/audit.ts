/** The audit of what people do: every request whose rule names an action becomes a row before it is answered. */
import { randomUUID } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import type { AuditActor, AuditDetail, AuditOutcome, NewAuditEvent } from '../contract/audit.ts'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv, HttpDeps } from './deps.ts'
import type { Rule } from './permissions.ts'
import { createStrangerGate } from './stranger-gate.ts'

/** What a handler knows better than the request tells: see {@link noteAudit}. */
export interface AuditNotes {
  /** In place of the rule's. */
  readonly action?: string
  /** In place of the one that the status tells: a form that is answered by a redirect says nothing with it. */
  readonly outcome?: AuditOutcome
  /** Of requests that sign in. */
  readonly actor?: AuditActor
  /** What was made, or what the path does not name. */
  readonly resourceId?: string
  readonly detail?: AuditDetail
}

const nobody: AuditActor = { id: null, name: null, role: null }
const refusedStatuses = new Set([401, 403])

/** Adds to what the audit will say of this request. */
export function noteAudit(c: Context<AppEnv>, notes: AuditNotes): void {
  const before = c.get('auditNotes')
  c.set('auditNotes', { ...before, ...notes, detail: { ...before?.detail, ...notes.detail } })
}

/**
 * Writes the row after the handler and before the answer, together with others that end at the same time. Who gets a
 * success has their row; who dies between the two has neither. @throws WE-SYS-002, -004 in place of a success without a row
 */
export function auditActions(
  { audit, clock, log }: Pick<HttpDeps, 'audit' | 'clock' | 'log'>,
): MiddlewareHandler<AppEnv> {
  const gate = createStrangerGate(clock)
  return async (c, next) => {
    await next()
    const rule = c.get('rule')
    if (rule?.audit === undefined) return
    const event = eventFrom(c, rule)
    const leave = isStranger(event) ? gate.enter() : { unrecorded: 0 }
    if (leave === undefined) return
    const unrecorded = leave.unrecorded === 0 ? {} : { unrecorded_before: leave.unrecorded }
    try {
      await audit.record({ ...event, detail: { ...event.detail, ...unrecorded } })
    } catch (failure) {
      log.error('an action is missing in the audit', {
        failure,
        action: event.action,
        ...idsOf(event),
      })
      // A refusal stays one; a success that nobody can look up later must not look like one.
      if (event.outcome !== 'allowed') return
      for (const name of ['Set-Cookie', 'Location']) c.header(name, undefined)
      throw failure
    }
  }
}

function eventFrom(c: Context<AppEnv>, rule: Rule & { readonly audit?: string }): NewAuditEvent {
  const notes = c.get('auditNotes') ?? {}
  const action = notes.action ?? rule.audit ?? ''
  const resourceType = action.slice(0, action.indexOf('.'))
  const resourceId = notes.resourceId ?? resourceIdOf(rule.path, c.req.path, resourceType)
  const code = c.error instanceof WebEncodeError ? { error_code: c.error.code } : {}
  return {
    id: `act-${randomUUID()}`,
    kind: 'user_action',
    action,
    actor: notes.actor ?? actorOf(c),
    clientIp: c.get('clientIp') || null,
    resourceType: resourceId === null ? null : resourceType,
    resourceId,
    outcome: notes.outcome ?? outcomeOf(c.res.status),
    correlationId: c.get('requestId'),
    detail: {
      route: `${rule.method} ${rule.path}`,
      status: c.res.status,
      ...code,
      ...notes.detail,
    },
  }
}

function actorOf(c: Context<AppEnv>): AuditActor {
  const caller = c.get('identity')?.caller
  return caller === undefined
    ? nobody
    : { id: caller.userId, name: caller.username, role: caller.role }
}

function outcomeOf(status: number): AuditOutcome {
  if (status < 400) return 'allowed'
  return refusedStatuses.has(status) ? 'refused' : 'failed'
}

/** Refused without being known: anybody can make such rows. */
function isStranger({ actor, outcome }: NewAuditEvent): boolean {
  return outcome !== 'allowed' && actor.id === null
}

/**
 * What the path names: the parameter `<type>Id`, or the last one.
 * @param pattern - as the route was registered, `/jobs/:id/tasks/:taskId/requeue`
 */
export function resourceIdOf(pattern: string, path: string, resourceType: string): string | null {
  const values = path.split('/')
  const parameters = pattern.split('/').flatMap((name, i) =>
    name.startsWith(':') ? [{ name: name.slice(1), value: values[i] ?? '' }] : []
  )
  const found = parameters.find(({ name }) => name === `${resourceType}Id`) ?? parameters.at(-1)
  return found === undefined ? null : decoded(found.value)
}

/** As it was sent when it is not percent-encoded text. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (failure) {
    if (failure instanceof URIError) return text
    throw failure
  }
}

function idsOf({ resourceId, actor, correlationId }: NewAuditEvent) {
  return { resource_id: resourceId, user_id: actor.id, correlation_id: correlationId }
}
