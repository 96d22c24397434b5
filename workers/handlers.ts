/** Which handler does which kind of task. */
import type { TaskKind } from '../kernel/contract/task.ts'
import { audio } from './tasks/audio.ts'
import type { TaskHandler } from './tasks/context.ts'
import { encode } from './tasks/encode.ts'
import { probe } from './tasks/probe.ts'
import { remux } from './tasks/remux.ts'
import { stitch } from './tasks/stitch.ts'
import { verify } from './tasks/verify.ts'

/** One handler a kind. */
export const taskHandlers: Readonly<Record<TaskKind, TaskHandler>> = {
  probe,
  encode,
  audio,
  stitch,
  remux,
  verify,
}
