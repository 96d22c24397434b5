/** The words of the audit: who did what to which thing, and how it ended. */
import { z } from 'zod'
import type { Json } from './json.ts'

export const auditKinds = ['user_action', 'system'] as const
/** What a person asked for, or what happened by itself. */
export type AuditKind = (typeof auditKinds)[number]

export const auditOutcomes = ['allowed', 'refused', 'failed'] as const
/** Done; not permitted; permitted and not done. */
export type AuditOutcome = (typeof auditOutcomes)[number]

/** Longest `detail` of an event in characters of JSON; the database refuses twice as much. */
export const longestDetail = 4096

/** Facts beside the columns. Never a secret, a body or a query string. */
export type AuditDetail = Readonly<Record<string, Json>>

/** Who acted. Empty for a stranger. */
export interface AuditActor {
  readonly id: string | null
  readonly name: string | null
  readonly role: string | null
}

/** An event to be written. Its time is the database's. */
export interface NewAuditEvent {
  /** The same id is written once. */
  readonly id: string
  readonly kind: AuditKind
  /** Two words: `job.create`, `auth.sign_in_failed`. */
  readonly action: string
  readonly actor: AuditActor
  readonly clientIp: string | null
  readonly resourceType: string | null
  readonly resourceId: string | null
  readonly outcome: AuditOutcome
  readonly correlationId: string
  readonly detail: AuditDetail
}

/** An event as the API, the bus and the page show it. */
export const auditEventSchema = z.strictObject({
  id: z.string(),
  at: z.string(),
  kind: z.enum(auditKinds),
  action: z.string(),
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  actor_role: z.string().nullable(),
  client_ip: z.string().nullable(),
  resource_type: z.string().nullable(),
  resource_id: z.string().nullable(),
  outcome: z.enum(auditOutcomes),
  correlation_id: z.string(),
  detail: z.record(z.string(), z.unknown()),
})
/** {@link auditEventSchema}. */
export type AuditEventView = z.infer<typeof auditEventSchema>
