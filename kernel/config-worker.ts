/** The environment variables of workers and their leases: part of the table of `config.ts`. */
import { availableParallelism } from 'node:os'
import {
  byteCount,
  integer,
  oneOf,
  secretText,
  someOf,
  text,
  type Variable,
} from './config-values.ts'
import { lanes } from './contract/task.ts'

const longestWaitMs = 3_600_000

/** Described as those of `config.ts`. */
export const workerVariables = {
  workerId: {
    name: 'WORKER_ID',
    description: 'Name of the worker: the same after a restart, different on every machine.',
    kind: text(
      /^[A-Za-z0-9._-]{1,100}$/,
      'be 1 to 100 letters, digits, dots, dashes or underscores',
    ),
    preset: 'local',
  },
  workerRegion: {
    name: 'WORKER_REGION',
    description: 'Region the worker stands in.',
    kind: text(/^[a-z0-9-]{1,32}$/, 'be 1 to 32 lower-case letters, digits or dashes'),
    preset: 'local',
  },
  workerSlots: {
    name: 'WEBENCODE_WORKER_SLOTS',
    description: 'Tasks that the worker runs at the same time.',
    kind: integer(1, 1024),
    preset: String(Math.min(availableParallelism(), 1024)),
    presetShown: 'number of cores',
  },
  workerLanes: {
    name: 'WORKER_LANES',
    description: `Kinds of tasks that the worker takes, separated by commas: ${lanes.join(', ')}.`,
    kind: someOf(lanes),
    presetShown: 'what the machine can do',
  },
  joinToken: {
    name: 'WEBENCODE_JOIN_TOKEN',
    description: 'Token that workers show to join: accepted by kernels as often as it comes.',
    kind: secretText(1),
    presetShown: 'none: only one-time tokens',
    secret: true,
  },
  workerCacheBytes: {
    name: 'WEBENCODE_WORKER_CACHE_BYTES',
    description: 'Most that a worker of a cluster keeps of the objects it has read.',
    kind: byteCount(0),
    preset: '10GiB',
  },
  drainSeconds: {
    name: 'WEBENCODE_DRAIN_SECONDS',
    description: 'Seconds that a worker of a cluster finishes tasks in when it is asked to stop.',
    kind: integer(0, 86_400),
    preset: '30',
  },
  encoder: {
    name: 'WEBENCODE_ENCODER',
    description: 'ffmpeg, wasm, or auto: FFmpeg when it starts, else its WebAssembly build.',
    kind: oneOf(['auto', 'ffmpeg', 'wasm']),
    preset: 'auto',
  },
  ffmpegPath: {
    name: 'FFMPEG_PATH',
    description: 'Program that encodes: a path, or a name that PATH finds.',
    kind: text(/^[^\0]+$/, 'be a path or the name of a program'),
    preset: 'ffmpeg',
  },
  ffprobePath: {
    name: 'FFPROBE_PATH',
    description: 'Program that probes: a path, or a name that PATH finds.',
    kind: text(/^[^\0]+$/, 'be a path or the name of a program'),
    preset: 'ffprobe',
  },
  leaseMs: {
    name: 'WEBENCODE_LEASE_MS',
    description: 'Milliseconds after which the task of a silent worker goes to another one.',
    kind: integer(100, longestWaitMs),
    preset: '20000',
  },
  heartbeatMs: {
    name: 'WEBENCODE_HEARTBEAT_MS',
    description: 'Milliseconds between two heartbeats of a worker; at most half the lease.',
    kind: integer(50, longestWaitMs),
    preset: '5000',
  },
} as const satisfies Record<string, Variable>
