/** Which announcements of actors are events of the audit: their rows are written in the transaction of the transition. */
import type { AuditDetail, NewAuditEvent } from '../contract/audit.ts'
import type { Json } from '../contract/json.ts'
import { createEventId } from '../ids.ts'
import type { OutboxEntry } from './actor-store.ts'

/** Beginnings of jobs are the audit's `job.create`; between them and the end, jobs only make progress. */
const audited = /^(job\.(completed|failed|cancelled)|(worker|plugin|stream|restream)\.\w+)$/
const failing = /\.(failed|crashed|refused|rolled_back)$/
/** Longest text of one fact. */
const longestFact = 300

/** The events among the effects of a batch. */
export function systemEventsFrom(outbox: readonly OutboxEntry[]): NewAuditEvent[] {
  return outbox.flatMap((entry) => {
    if (entry.name !== 'announce') return []
    const { topic, jobId, data } = entry.params as {
      readonly topic: string
      readonly jobId?: string
      readonly data: Json
    }
    return audited.test(topic) ? [eventFrom(idFrom(entry), topic, jobId, factsOf(data))] : []
  })
}

/** Ids of effects come again: an actor that was deleted, and is made anew, counts from 0. */
function idFrom({ id }: OutboxEntry): string {
  return `${id}:${createEventId()}`
}

function eventFrom(
  id: string,
  topic: string,
  jobId: string | undefined,
  facts: Readonly<Record<string, Json>>,
): NewAuditEvent {
  const resourceType = topic.slice(0, topic.indexOf('.'))
  const { [`${resourceType}_id`]: named, correlation_id, ...rest } = facts
  return {
    id,
    kind: 'system',
    action: topic,
    actor: { id: null, name: 'system', role: null },
    clientIp: null,
    resourceType,
    resourceId: typeof named === 'string' ? named : jobId ?? null,
    outcome: failing.test(topic) ? 'failed' : 'allowed',
    correlationId: typeof correlation_id === 'string' ? correlation_id : '',
    detail: detailOf(rest),
  }
}

function factsOf(data: Json): Readonly<Record<string, Json>> {
  const isRecord = typeof data === 'object' && data !== null && !Array.isArray(data)
  return isRecord ? data as Readonly<Record<string, Json>> : {}
}

/** Single facts only. Of an error its code: its message may name what the reader of an audit need not see. */
function detailOf({ error, ...facts }: Readonly<Record<string, Json>>): AuditDetail {
  const code: unknown = typeof error === 'object' && error !== null && Reflect.get(error, 'code')
  const single = Object.entries(facts)
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]) => [key, typeof value === 'string' ? value.slice(0, longestFact) : value])
  return { ...Object.fromEntries(single), ...(typeof code === 'string' && { error_code: code }) }
}
