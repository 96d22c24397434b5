/** Why work of a job waits that no worker can do now, as a person reads it: by the same fit as the claim. */
import {
  builtInEncoderId,
  type EncoderRules,
  type InstalledEncoder,
} from '../contract/encoder-routing.ts'
import { endedJobStatuses, type JobView } from '../contract/job.ts'
import { type EncoderNeed, isEnabled, listNamedEncoders } from '../plugin/encoder-route.ts'
import { type Reader, sql } from './database.ts'
import { createFit, type EncoderOwner } from './encoder-fit.ts'
import { encoderRules } from './encoder-routing.ts'

/** A worker that takes work, or several that are alike. */
export interface ReadyWorker extends EncoderOwner {
  readonly lanes: readonly string[]
}

/**
 * The first reason; null when everything that is ready can be done by somebody, though perhaps not yet.
 * @param hasRules - an admin has a say in who uses which encoder, as in `createActorStore`
 */
export async function readWaitReason(
  db: Reader,
  { id, status }: Pick<JobView, 'id' | 'status'>,
  hasRules: boolean,
): Promise<string | null> {
  if (endedJobStatuses.includes(status)) return null
  const needs = await db.query<EncoderNeed>(sql`
    SELECT DISTINCT lane, video_codec AS "videoCodec"
    FROM tasks
    WHERE job_id = ${id} AND status = 'ready' AND hedge_of IS NULL
    ORDER BY lane, video_codec`)
  if (needs.length === 0) return null
  const { fleet, rules } = await readScene(db)
  return waitReason(needs, fleet, hasRules ? rules : undefined)
}

/** Why nobody of the fleet can do one of these; null when somebody can do each. */
export function waitReason(
  needs: readonly EncoderNeed[],
  fleet: readonly ReadyWorker[],
  rules: EncoderRules | undefined,
): string | null {
  if (needs.length === 0) return null
  if (fleet.length === 0) return 'No worker takes work now.'
  const fit = createFit(rules, fleet)
  for (const need of needs) {
    const onLane = fleet.filter(({ lanes }) => lanes.includes(need.lane))
    if (onLane.length === 0) return `No worker that takes work now has the lane ${need.lane}.`
    if (onLane.some((one) => fit(one, need))) continue
    const hasTools = onLane.some((one) => fit(one, { ...need, videoCodec: '' }))
    return hasTools ? missingCodec(need.videoCodec, rules) : missingTools(rules)
  }
  return null
}

function missingCodec(videoCodec: string, rules: EncoderRules | undefined): string {
  const named = listNamedEncoders(rules, videoCodec)
  if (named.length === 0) {
    return `No worker that takes work now has an enabled encoder plugin that encodes with ${videoCodec}.`
  }
  return `The rules give ${videoCodec} to ${
    named.join(' or ')
  }, and no worker that takes work now ` +
    'has this encoder plugin and can encode with it.'
}

function missingTools(rules: EncoderRules | undefined): string {
  const isOff = !isEnabled(rules, builtInEncoderId)
  return `${isOff ? `${builtInEncoderId} is disabled, and no` : 'No'} worker that takes work now ` +
    'has an enabled encoder plugin that runs FFmpeg in its place.'
}

interface Scene {
  readonly fleet: readonly ReadyWorker[]
  readonly rules: EncoderRules
}

async function readScene(db: Reader): Promise<Scene> {
  interface FleetRow {
    readonly lanes: readonly string[]
    readonly key: string | null
    readonly encoders: readonly InstalledEncoder[] | null
  }
  const [row] = await db.query<{ fleet: readonly FleetRow[]; rules: EncoderRules }>(sql`
    WITH fleet AS (
      SELECT DISTINCT coalesce(capabilities->'lanes', '[]') AS lanes,
        CASE WHEN encoders_session = session THEN encoders_key END AS key,
        CASE WHEN encoders_session = session THEN encoders END AS encoders
      FROM workers
      WHERE status IN ('healthy', 'degraded')
    )
    SELECT (SELECT coalesce(jsonb_agg(f), '[]') FROM fleet f) AS fleet, ${encoderRules} AS rules`)
  if (row === undefined) throw new RangeError('A query of aggregates answered no row')
  const fleet = row.fleet.map(({ lanes, key, encoders }) => {
    return { lanes, encoders: key === null || encoders === null ? null : { key, encoders } }
  })
  return { fleet, rules: row.rules }
}
