/** Lives of a hedge that registration tries, and that tests begin with. */
import { sampleResult, sampleTask } from '../task/sample.ts'
import type { HedgeEvent, HedgeInput } from './model.ts'

/** A hedge of the sample task, whose straggler is in the hands of `w1`. */
export const sampleHedge: HedgeInput = {
  taskId: 'job-1.encode.00000',
  jobId: sampleTask.jobId,
  index: sampleTask.index,
  params: sampleTask.params,
  owner: sampleTask.owner,
  priority: sampleTask.priority,
  lane: sampleTask.lane,
  region: sampleTask.region,
  startSeconds: sampleTask.startSeconds,
  endSeconds: sampleTask.endSeconds,
  leaseMs: sampleTask.leaseMs,
  avoidWorkerId: 'w1',
}

/** It wins. */
export const wonHedgeEvents: readonly HedgeEvent[] = [
  { type: 'claim', workerId: 'w2', leaseToken: 'h1' },
  { type: 'finish', leaseToken: 'h1', result: sampleResult },
]

/** Its worker goes. */
export const lostHedgeEvents: readonly HedgeEvent[] = [
  { type: 'claim', workerId: 'w2', leaseToken: 'h1' },
  { type: 'leaseExpired', leaseToken: 'h1' },
]

/** It is not needed any more. */
export const withdrawnHedgeEvents: readonly HedgeEvent[] = [
  { type: 'claim', workerId: 'w2', leaseToken: 'h1' },
  { type: 'withdraw' },
]
