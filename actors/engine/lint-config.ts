/** Reads a machine's configuration into a flat list of what each state refers to. */

/** A state and everything that it names. */
export interface ConfigNode {
  /** `machine.state.substate` */
  readonly path: string
  readonly actions: readonly unknown[]
  readonly guards: readonly unknown[]
  readonly delays: readonly string[]
  readonly invokes: readonly { readonly id?: string }[]
}

interface TransitionConfig {
  readonly guard?: unknown
  readonly actions?: unknown
}

interface StateConfig {
  readonly id?: string
  readonly entry?: unknown
  readonly exit?: unknown
  readonly on?: Record<string, unknown>
  readonly always?: unknown
  readonly after?: Record<string, unknown>
  readonly onDone?: unknown
  readonly initial?: unknown
  readonly invoke?: unknown
  readonly states?: Record<string, StateConfig>
}

/** All states of a configuration, the root first. */
export function configNodes(config: object, path = ''): ConfigNode[] {
  const state = config as StateConfig
  const name = path === '' ? state.id ?? '(machine)' : path
  const children = Object.entries(state.states ?? {})
  return [
    nodeFrom(state, name),
    ...children.flatMap(([key, child]) => configNodes(child, `${name}.${key}`)),
  ]
}

function nodeFrom(state: StateConfig, path: string): ConfigNode {
  const transitions = [
    ...Object.values(state.on ?? {}),
    ...Object.values(state.after ?? {}),
    state.always,
    state.onDone,
    // A string is the usual form; the long form may carry actions.
    typeof state.initial === 'string' ? undefined : state.initial,
  ].flatMap(list).filter(isTransition)
  return {
    path,
    actions: [state.entry, state.exit, ...transitions.map(({ actions }) => actions)].flatMap(list),
    guards: transitions.flatMap(({ guard }) => guard === undefined ? [] : [guard]),
    delays: Object.keys(state.after ?? {}),
    invokes: list(state.invoke) as { id?: string }[],
  }
}

function list(value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

/** A transition may also be a bare target. */
function isTransition(value: unknown): value is TransitionConfig {
  return typeof value === 'object' && value !== null
}
