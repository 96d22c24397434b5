/** Which worker can do which ready task, as its encoders and the rules of the admin are: pure, asked for by the claim and for people. */
import {
  builtInEncoderId,
  type EncoderRules,
  type InstalledEncoder,
} from '../contract/encoder-routing.ts'
import { canDo, type EncoderNeed } from '../plugin/encoder-route.ts'

/** The encoders of a worker; equal ones have the same key. */
export interface EncoderSet {
  readonly key: string
  readonly encoders: readonly InstalledEncoder[]
}

/** Somebody who has encoders; null: does not say which, and is taken to have all. */
export interface EncoderOwner {
  readonly encoders: EncoderSet | null
}

/** Whether this one can do the task. */
export type EncoderFit = (one: EncoderOwner, need: EncoderNeed) => boolean

/**
 * The fit of one moment. Each answer is found once, whoever has the same encoders.
 * @param rules - undefined: no admin has a say, and every plugin is used
 * @param fleet - those who may get work
 */
export function createFit(
  rules: EncoderRules | undefined,
  fleet: readonly EncoderOwner[],
): EncoderFit {
  const found = new Map<string, boolean>()
  const can: EncoderFit = ({ encoders }, { lane, videoCodec }) => {
    if (encoders === null) return true
    const key = [encoders.key, lane, videoCodec].join('\n')
    const known = found.get(key) ?? canDo(encoders.encoders, rules, { lane, videoCodec })
    found.set(key, known)
    return known
  }
  return (one, need) =>
    can(one, need) || isRefusedSoon(need) && can(one, { ...need, videoCodec: '' })

  /** Where nobody can and nobody else is expected, a probe is given out all the same: it fails the job with a sentence. */
  function isRefusedSoon(need: EncoderNeed): boolean {
    return need.lane === 'probe' && need.videoCodec !== '' && !expectsMore(rules) &&
      !fleet.some((one) => can(one, need))
  }
}

/** Whether a plugin is wanted beside the one that every worker has. */
function expectsMore(rules: EncoderRules | undefined): boolean {
  return rules?.plugins.some(({ id, isEnabled }) => isEnabled && id !== builtInEncoderId) ?? false
}
