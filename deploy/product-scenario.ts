/** The product's own machines in the simulation: jobs with two chunks, and workers that answer what workers answer. */
import type { Json } from '../kernel/contract/json.ts'
import type { FailureKind, TaskFailure, TaskKind, TaskResult } from '../kernel/contract/task.ts'
import { taskIdFrom } from '../kernel/ids.ts'
import { actorDefinitions } from '../actors/definitions.ts'
import type { ClaimedTask } from '../actors/engine/claim.ts'
import type { EventJson } from '../actors/engine/delivery.ts'
import type { Random } from '../actors/engine/simulation/random.ts'
import type { Scenario } from '../actors/engine/simulation/scenario.ts'
import { sampleJob, sampleOutput, samplePlan } from '../actors/job/sample.ts'
import { taskMachine } from '../actors/task/machine.ts'
import { sampleResult } from '../actors/task/sample.ts'
import type { TaskContext } from '../actors/task/model.ts'
import { brokenRules, hedgesOf, hedgesSeen } from './product-rules.ts'

const leaseMs = 5000

/** Where a thread finds {@link productScenario}. */
export const productScenarioModule = { module: import.meta.url, name: 'productScenario' } as const

export const productScenario: Scenario = {
  definitions: actorDefinitions,
  rootType: 'job',
  lanes: ['probe', 'cpu', 'copy'],
  leaseMs,
  rootInput: (jobId) => ({ ...sampleJob, jobId, leaseMs }) as Json,
  report: (task, leaseToken, random, calm) => reportOf(contextOf(task), leaseToken, random, calm),
  decide: hedgesOf,
  check: brokenRules,
  seen: hedgesSeen,
  disturb: (random) =>
    random.chance(0.1)
      ? { to: 'root', event: { type: 'cancel', by: 'someone' } }
      : { to: 'task', event: { type: 'requeue' } },
}

/** Tasks that take any result of a hedge: for seeing that the rules notice. */
export const credulousScenario: Scenario = {
  ...productScenario,
  definitions: actorDefinitions.map((definition) =>
    definition.type === 'task'
      ? { ...definition, machine: taskMachine.provide({ guards: { isOutdone: () => true } }) }
      : definition
  ),
}

/** A task or a hedge, which has the params of its task. */
type Claimed = Pick<TaskContext, 'params' | 'jobId'>

function contextOf(task: ClaimedTask): Claimed {
  return task.context as unknown as Claimed
}

function reportOf(task: Claimed, leaseToken: string, random: Random, calm: boolean): EventJson {
  const chosen = calm
    ? 'finish'
    : random.pick(['finish', 'finish', 'finish', 'finish', 'fail', 'release'])
  if (chosen === 'fail') {
    return { type: 'fail', leaseToken, failure: failureOf(task, random) as Json }
  }
  if (chosen === 'release') return { type: 'release', leaseToken }
  return { type: 'finish', leaseToken, result: results[task.params.kind] as Json }
}

const results: Readonly<Record<TaskKind, TaskResult>> = {
  probe: { kind: 'probe', plan: samplePlan },
  encode: sampleResult,
  audio: { ...sampleResult, kind: 'audio' },
  stitch: { ...sampleResult, kind: 'stitch' },
  remux: { ...sampleResult, kind: 'remux' },
  verify: { kind: 'verify', outputs: [sampleOutput], report: { frames: 500 } },
}

const usualFailures: readonly FailureKind[] = [
  'encoder',
  'source-unavailable',
  'out-of-memory',
  'timeout',
  'internal',
]

function failureOf({ params: { kind }, jobId }: Claimed, random: Random): TaskFailure {
  if (kind === 'stitch' && random.chance(0.5)) {
    const redo = [taskIdFrom(jobId, 'encode', random.integer(0, 1)), taskIdFrom(jobId, 'audio')]
    return { ...failed('damaged-input'), redo }
  }
  if (kind === 'verify' && random.chance(0.5)) return failed('wrong-output')
  return failed(random.chance(0.05) ? 'invalid-input' : random.pick(usualFailures))
}

function failed(kind: FailureKind): TaskFailure {
  return { kind, code: 'WE-JOB-008', message: `Failed on purpose: ${kind}` }
}
