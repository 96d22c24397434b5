/** Lints the named implementations of a machine: actions, guards, delays, actors. */
import type { AnyStateMachine } from 'xstate'
import { effectActions } from './effects.ts'
import { isEffectName } from './consequences.ts'

/** XState's own actions that stay inside the snapshot, or become timers. */
const durableActions: readonly unknown[] = [
  'xstate.assign',
  'xstate.raise',
  'xstate.cancel',
  'xstate.enqueueActions',
]

/** Problems, each a sentence. */
export function lintImplementations(machine: AnyStateMachine): string[] {
  const { actions, guards, delays, actors } = machine.implementations
  return [
    ...Object.keys(actors).map((name) =>
      `actor "${name}": XState children are not durable; ask for an actor with the \`spawn\` effect`
    ),
    ...Object.entries(actions).flatMap(([name, action]) => lintAction(name, action)),
    ...Object.entries({ ...guards, ...delays }).flatMap(([name, pure]) => lintSource(name, pure)),
    ...Object.entries(delays).flatMap(([name, delay]) => lintDelay(name, delay)),
  ]
}

function lintAction(name: string, action: unknown): string[] {
  if (isEffectName(name)) {
    if (action === effectActions[name]) return []
    return [`action "${name}" is an effect and must be the one of effectActions`]
  }
  if (typeof action !== 'function') {
    return [`action "${name}" must be assign, raise, cancel or enqueueActions`]
  }
  const kind: unknown = Reflect.get(action, 'resolve') === undefined
    ? undefined
    : Reflect.get(action, 'type')
  if (kind === undefined) {
    return [
      `action "${name}" is a function, which the engine would never call: it must be one of the effects`,
    ]
  }
  if (!durableActions.includes(kind)) {
    return [
      `action "${name}" is ${
        String(kind)
      }, which needs a live actor: use an effect (sendTo and sendParent become \`tell\`)`,
    ]
  }
  return [
    ...lintRaise(name, action),
    ...assignmentsOf(action).flatMap((assignment) => lintSource(name, assignment)),
  ]
}

function lintRaise(name: string, action: object): string[] {
  const delay: unknown = Reflect.get(action, 'delay')
  if (delay === undefined) return []
  const problems = []
  if (typeof delay !== 'string') {
    problems.push(`action "${name}": its delay must be the name of one in setup({ delays })`)
  }
  if (typeof Reflect.get(action, 'id') !== 'string') {
    problems.push(`action "${name}": a delayed raise must have an id`)
  }
  return problems
}

function lintDelay(name: string, delay: unknown): string[] {
  if (
    typeof delay === 'function' ||
    (typeof delay === 'number' && delay >= 0 && Number.isFinite(delay))
  ) return []
  return [
    `delay "${name}" must be a number of milliseconds from 0 or a function of context and event, and it is ${
      String(delay)
    }`,
  ]
}

function assignmentsOf(action: object): unknown[] {
  const assignment: unknown = Reflect.get(action, 'assignment')
  return typeof assignment === 'object' && assignment !== null
    ? Object.values(assignment)
    : [assignment]
}

const impure = [
  [
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/,
    'reads the clock: let the event carry the time',
  ],
  [
    /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/,
    'uses chance: let the event carry the value',
  ],
  [
    /^[^=]*\{[^}]*\bspawn\b|\.spawn\(/,
    'spawns an XState actor, which is lost without a trace: use the `spawn` effect',
  ],
  [
    /^[^=]*\{[^}]*\b(self|system)\b/,
    'uses self or system, which are nobody here: take ids from the context',
  ],
] as const

/** Looks at the text of a function. The samples of a definition find what this cannot see. */
function lintSource(name: string, implementation: unknown): string[] {
  if (typeof implementation !== 'function') return []
  const text = Function.prototype.toString.call(implementation)
  return impure.filter(([pattern]) => pattern.test(text)).map(([, problem]) =>
    `"${name}" ${problem}`
  )
}
