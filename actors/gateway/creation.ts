/** Makes jobs: of a request, once for each idempotency key, or of a job that is to be repeated. */
import type { Clock } from '../../kernel/clock.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { CreateJob, JobView } from '../../kernel/contract/job.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import type { Database } from '../../kernel/db/database.ts'
import { insertIdempotencyKey, readIdempotencyKey } from '../../kernel/db/idempotency.ts'
import { createJobReader } from '../../kernel/db/job-reader.ts'
import { readJob } from '../../kernel/db/jobs.ts'
import { listWorkers } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/gateway.ts'
import { createJobId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { Sources } from '../../kernel/sources.ts'
import { needsGpu, softwareVideo } from '../../kernel/video-codecs.ts'
import type { Engine } from '../engine/engine.ts'
import type { JobInput } from '../job/model.ts'
import { encodeLane } from '../job/plan.ts'
import { fingerprint, jobInputFrom, parseSubmission, profileFrom } from './submission.ts'
import type { Submission, WorkSettings } from './submission.ts'

export interface CreationOptions extends WorkSettings {
  readonly engine: Pick<Engine, 'create'>
  readonly db: Database
  readonly profiles: readonly Profile[]
  readonly sources: Pick<Sources, 'checkSource'>
  readonly clock: Clock
  readonly log: Log
}

export interface JobCreation {
  /** As {@link Gateway.submitJob}. */
  submit(request: CreateJob, caller: Caller, idempotencyKey?: string): Promise<JobView>
  /** Creates this very job; one that exists already is left alone. */
  create(input: JobInput): Promise<JobView>
}

export function createJobCreation(options: CreationOptions): JobCreation {
  const { engine, db, profiles, sources, clock, log } = options
  const readCreated = createJobReader(db)

  async function create(input: JobInput): Promise<JobView> {
    const { jobId, correlationId } = input
    const { status } = await engine.create('job', jobId, input as Json, {
      eventId: `create:${jobId}`,
    })
    if (status === 'applied') {
      log.info('job created', { job_id: jobId, correlation_id: correlationId })
    }
    return await readCreated(jobId) ?? missing(jobId)
  }

  /** Without a worker that has the GPU, software does the work: slowly, but not never. */
  async function possibleProfile(profile: Profile): Promise<Profile> {
    if (!needsGpu(profile.video.codec)) return profile
    const lane = encodeLane(profile)
    const workers = await listWorkers(db)
    const isServed = workers.some(({ status, capabilities }) =>
      status === 'healthy' && Array.isArray(capabilities.lanes) && capabilities.lanes.includes(lane)
    )
    if (isServed) return profile
    log.info('no worker has the GPU: encoding by software', { profile: profile.name, lane })
    return { ...profile, video: softwareVideo(profile.video) }
  }

  async function inputOf(submission: Submission, caller: Caller): Promise<Omit<JobInput, 'jobId'>> {
    mustBeAhead(submission.deadline, clock.now())
    const profile = await possibleProfile(profileFrom(submission, profiles))
    const source = await sources.checkSource(submission.source_url)
    return jobInputFrom(submission, { profile, source, caller, settings: options })
  }

  /**
   * The key is written before the job, with the job's id: whoever comes later with the same key, or after a crash
   * between the two, creates the same job, and creating it again changes nothing.
   */
  async function submitOnce(submission: Submission, caller: Caller, key: string): Promise<JobView> {
    const requestHash = fingerprint(submission)
    const known = await readIdempotencyKey(db, caller.userId, key)
    if (known !== undefined) {
      mustBeSame(key, requestHash, known.requestHash)
      const job = await readJob(db, known.jobId)
      if (job !== undefined) return job
    }
    const input = await inputOf(submission, caller)
    const entry = { requestHash, jobId: createJobId() }
    const claimed = await insertIdempotencyKey(db, caller.userId, key, entry)
    mustBeSame(key, requestHash, claimed.requestHash)
    return await create({ ...input, jobId: claimed.jobId })
  }

  return {
    create,
    async submit(request, caller, idempotencyKey) {
      const submission = parseSubmission(request)
      if (idempotencyKey !== undefined) {
        return await submitOnce(submission, caller, idempotencyKey)
      }
      return await create({ ...await inputOf(submission, caller), jobId: createJobId() })
    },
  }
}

/** @throws WE-JOB-004 when there is no such job */
export async function mustReadJob(db: Database, jobId: string): Promise<JobView> {
  return await readJob(db, jobId) ?? missing(jobId)
}

function missing(jobId: string): never {
  throw new WebEncodeError('WE-JOB-004', `There is no job "${jobId}"`)
}

function mustBeSame(key: string, requestHash: string, firstHash: string): void {
  if (requestHash === firstHash) return
  const problem = `The Idempotency-Key "${key}" was used before with another request`
  throw new WebEncodeError('WE-JOB-001', problem, { path: 'Idempotency-Key' })
}

/** A deadline that has passed is a mistake, but only when the job is made: a key that comes again finds its job. */
function mustBeAhead(deadline: string | undefined, nowMs: number): void {
  if (deadline === undefined || Date.parse(deadline) > nowMs) return
  const now = new Date(nowMs).toISOString()
  const problem = `deadline: must be in the future, and it is ${deadline}; now is ${now}`
  throw new WebEncodeError('WE-JOB-001', problem, { path: 'deadline' })
}
