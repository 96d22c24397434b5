/** Sample rows of the actor store for tests: valid, small, and each field replaceable. */
import type {
  BatchChanges,
  BatchRequest,
  JobRow,
  PluginRow,
  StoredActor,
  TaskRow,
  WorkerRow,
} from './actor-store.ts'

/** A request for nothing but what is given. */
export function requestOf(parts: Partial<BatchRequest>): BatchRequest {
  return { actorIds: [], events: [], timers: [], expiredLeases: [], ...parts }
}

/** Changes of nothing but what is given. */
export function changesOf(parts: Partial<BatchChanges>): BatchChanges {
  return {
    creates: [],
    updates: [],
    log: [],
    outbox: [],
    timersSet: [],
    timersCancelled: [],
    timersCleared: [],
    jobs: [],
    tasks: [],
    workers: [],
    plugins: [],
    ...parts,
  }
}

/** An active actor, just created. */
export function storedActor(id: string, overrides: Partial<StoredActor> = {}): StoredActor {
  return {
    id,
    type: 'task',
    machineVersion: 1,
    format: 'xstate5',
    version: 0,
    status: 'active',
    snapshot: { id },
    ...overrides,
  }
}

/** A job that encodes. */
export function storedJob(id: string, overrides: Partial<JobRow> = {}): JobRow {
  return {
    id,
    userId: 'u1',
    sourceType: 'url',
    sourceUrl: 'https://example.com/a.mp4',
    profileId: '1080p_h264',
    profile: { name: '1080p_h264' },
    priority: 0,
    deadline: null,
    status: 'processing',
    phase: 'encoding',
    tasksTotal: 1,
    tasksCompleted: 0,
    error: null,
    retryOf: null,
    plan: null,
    outputs: [],
    report: null,
    correlationId: 'req-1',
    ...overrides,
  }
}

/** A ready task of job `j1`. */
export function storedTask(id: string, overrides: Partial<TaskRow> = {}): TaskRow {
  return {
    id,
    jobId: 'j1',
    kind: 'encode',
    index: 0,
    params: { kind: 'encode' },
    startSeconds: 0,
    endSeconds: 10,
    weight: 10,
    status: 'ready',
    lane: 'cpu',
    videoCodec: '',
    region: 'local',
    priority: 0,
    deadline: null,
    owner: 'u1',
    attempt: 0,
    maxAttempts: 3,
    avoidWorkerId: null,
    workerId: null,
    leaseToken: null,
    leaseMs: 20_000,
    result: null,
    outputKey: null,
    outputSizeBytes: null,
    error: null,
    hedgeOf: null,
    ...overrides,
  }
}

/** A healthy worker. */
export function storedWorker(id: string, overrides: Partial<WorkerRow> = {}): WorkerRow {
  return {
    id,
    session: 'session-1',
    hostname: 'host',
    region: 'local',
    version: '0.1.0',
    capabilities: { slots: 2, lanes: ['cpu'] },
    status: 'healthy',
    command: 'work',
    ...overrides,
  }
}

/** A plugin that is being started in kernel `k1`. */
export function storedPlugin(pluginId: string, overrides: Partial<PluginRow> = {}): PluginRow {
  return {
    actorId: `plugin.${pluginId}@${overrides.kernelId ?? 'k1'}`,
    pluginId,
    kernelId: 'k1',
    pillar: 'storage',
    state: 'starting',
    version: '1.0.0',
    revision: 1,
    run: 1,
    restarts: 0,
    problem: null,
    disabledBy: null,
    upgrade: { phase: 'none', end: null },
    processes: [{ run: 1, version: '1.0.0', role: 'current', isStarted: false }],
    ...overrides,
  }
}
