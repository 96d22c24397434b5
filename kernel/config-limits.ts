/** The environment variables that bound what is taken, open and kept: part of the table of `config.ts`. */
import { byteCount, integer, type Variable } from './config-values.ts'

const longestKeepDays = 36_500
/** More sockets than one process can hold. */
const mostAtOnce = 1_000_000

/** Described as those of `config.ts`. */
export const limitVariables = {
  maxUploadBytes: {
    name: 'WEBENCODE_MAX_UPLOAD_BYTES',
    description: 'Largest file that may be uploaded.',
    kind: byteCount(1),
    preset: '50GiB',
  },
  maxBodyBytes: {
    name: 'WEBENCODE_MAX_BODY_BYTES',
    description: 'Largest body of any other request.',
    kind: byteCount(1024),
    preset: '1MiB',
  },
  maxRequests: {
    name: 'WEBENCODE_MAX_REQUESTS',
    description: 'Requests that are answered at the same time; more get 503 and try again.',
    kind: integer(1, mostAtOnce),
    preset: '1000',
  },
  maxTransfers: {
    name: 'WEBENCODE_MAX_TRANSFERS',
    description: 'Uploads that run at the same time, and as many downloads; more get 503.',
    kind: integer(1, mostAtOnce),
    preset: '1000',
  },
  maxLiveConnections: {
    name: 'WEBENCODE_MAX_LIVE_CONNECTIONS',
    description:
      'WebSockets that are open at the same time, of one user at most 7/8 of them; more get 503 or 429.',
    kind: integer(1, mostAtOnce),
    preset: '12000',
  },
  keepJobsDays: {
    name: 'WEBENCODE_KEEP_JOBS_DAYS',
    description: 'Days that an ended job and its outputs are kept; 0 = for ever.',
    kind: integer(0, longestKeepDays),
    preset: '0',
  },
  keepUploadsHours: {
    name: 'WEBENCODE_KEEP_UPLOADS_HOURS',
    description: 'Hours that an upload which no job uses is kept; 0 = for ever.',
    kind: integer(0, longestKeepDays * 24),
    preset: '24',
  },
  keepAuditDays: {
    name: 'WEBENCODE_KEEP_AUDIT_DAYS',
    description: 'Days that the audit of actions and events is kept; 0 = for ever.',
    kind: integer(0, longestKeepDays),
    preset: '90',
  },
  keepLogsDays: {
    name: 'WEBENCODE_KEEP_LOGS_DAYS',
    description: 'Days that the logs of tasks are kept; 0 = for ever.',
    kind: integer(0, longestKeepDays),
    preset: '30',
  },
} as const satisfies Record<string, Variable>
