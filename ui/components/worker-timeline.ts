/** The history of a worker: what its actor heard, in words. */
import type { JobEventView } from '../../kernel/contract/job.ts'
import { field, type Step } from './timeline.tsx'

/** What an event of a worker means to a person. */
export function workerStepFrom({ type, data }: JobEventView): Step {
  const by = field(data, 'by') ?? 'somebody'
  switch (type) {
    case 'xstate.init':
      return { text: 'Joined for the first time', icon: 'circle-plus', tone: 'success' }
    case 'join':
      return {
        text: `Joined as a new process, version ${field(data, 'version') ?? 'unknown'}`,
        icon: 'play',
        tone: 'success',
      }
    case 'drain':
      return { text: `Drained by ${by}`, icon: 'pause', tone: 'warning' }
    case 'undrain':
      return { text: `Put back to work by ${by}`, icon: 'play', tone: 'active' }
    case 'restart':
      return { text: `Restarted by ${by}`, icon: 'rotate-ccw', tone: 'warning' }
    case 'remove':
      return { text: `Removed by ${by}`, icon: 'trash', tone: 'danger' }
    case 'leave':
      return { text: 'Left', icon: 'log-out', tone: 'neutral' }
    case 'silent':
      return { text: 'Fell silent', icon: 'wifi-off', tone: 'danger' }
    default:
      return { text: type, icon: 'info', tone: 'neutral' }
  }
}
