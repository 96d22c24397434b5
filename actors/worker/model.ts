/** The words of a worker actor: one per worker id, through all the processes that bear that id. */
import type { JoinRequest, WorkerCommand } from '../../kernel/contract/worker.ts'

/** What only the moment of joining needs; secrets among it, which no log may keep. Encoders change without a join. */
type Proof = 'joinToken' | 'credential' | 'protocol' | 'yields' | 'encoders'

/** A worker as it introduced itself. */
export type WorkerIdentity = Omit<JoinRequest, Proof>

/** What a worker actor remembers: who joined last, and whether people took it out of work. */
export type WorkerContext = WorkerIdentity & { readonly isDrained: boolean }

/** A process introduces itself. One that `yields` takes no other process's place. */
export type WorkerJoin = WorkerIdentity & { readonly type: 'join'; readonly yields?: boolean }

/** What a worker actor hears. */
export type WorkerEvent =
  | WorkerJoin
  /** People's commands: they are for the worker, whichever process bears its name. */
  | { readonly type: 'drain' | 'undrain' | 'restart' | 'remove'; readonly by: string }
  | { readonly type: 'leave'; readonly session: string }
  /** Nothing was heard of the process for several heartbeats. */
  | { readonly type: 'silent'; readonly session: string }

/** State of the machine, as its snapshot holds it. */
export type WorkerState =
  | 'healthy'
  | 'draining'
  | 'restarting'
  | 'leaving'
  | 'offline'
  | 'removed'

/** The worker of a join request, without what proved that it may join. */
export function identityFrom(
  {
    joinToken: _token,
    credential: _credential,
    protocol: _protocol,
    yields: _yields,
    encoders: _encoders,
    ...identity
  }: JoinRequest,
): WorkerIdentity {
  return identity
}

/** What a worker in this state is to do. */
export function commandOf(state: WorkerState, isDrained: boolean): WorkerCommand {
  switch (state) {
    case 'healthy':
      return 'work'
    case 'draining':
      return 'drain'
    case 'restarting':
      return 'restart'
    case 'leaving':
    case 'removed':
      return 'leave'
    case 'offline':
      return isDrained ? 'drain' : 'work'
  }
}
