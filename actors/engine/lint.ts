/** Refuses, at registration, a machine that could not be stored, replayed or resumed. */
import type { AnyStateMachine } from 'xstate'
import type { ActorDefinition, ActorSample } from './definition.ts'
import { isEffectName } from './consequences.ts'
import { createMachineAdapter } from './machine-adapter.ts'
import { withoutClockAndChance } from './lint-world.ts'
import { lintImplementations } from './lint-implementations.ts'
import { type ConfigNode, configNodes } from './lint-config.ts'

/**
 * Checks a definition.
 * @throws TypeError listing everything that is wrong with it
 */
export function lintDefinition(definition: ActorDefinition): void {
  const problems = [...lintIdentity(definition), ...lintMachine(definition.machine)]
  // A machine that is wrong on paper would fail here for the same reasons.
  if (problems.length === 0) {
    problems.push(...(definition.samples ?? []).flatMap((sample) => lintSample(definition, sample)))
  }
  if (problems.length === 0) return
  throw new TypeError(`Actor type "${definition.type}" is not durable:\n- ${problems.join('\n- ')}`)
}

function lintIdentity({ type, version }: ActorDefinition): string[] {
  const problems = []
  if (!/^[a-z][a-z0-9-]*$/.test(type)) {
    problems.push(`its type must match [a-z][a-z0-9-]*, and it is "${type}"`)
  }
  if (!Number.isInteger(version) || version < 1) {
    problems.push(`its version must be an integer from 1, and it is ${version}`)
  }
  return problems
}

function lintMachine(machine: AnyStateMachine): string[] {
  return [
    ...lintImplementations(machine),
    ...configNodes(machine.config).flatMap((node) => lintNode(machine, node)),
  ]
}

function lintNode(machine: AnyStateMachine, node: ConfigNode): string[] {
  return [
    ...node.invokes.map(({ id }) =>
      `${node.path}: invoke ${
        id === undefined ? 'without an id ' : `"${id}" `
      }is not durable; ask for an actor with the \`spawn\` effect and answer it with \`tell\``
    ),
    ...node.actions.flatMap((action) => lintAction(machine, node.path, action)),
    ...node.guards.flatMap((guard) => lintGuard(machine, node.path, guard)),
    ...node.delays.flatMap((delay) => lintDelay(machine, node.path, delay)),
  ]
}

function lintAction(machine: AnyStateMachine, path: string, action: unknown): string[] {
  const name = nameOf(action)
  if (name === undefined) {
    return [`${path}: an action is written inline; name it in setup({ actions })`]
  }
  if (Object.hasOwn(machine.implementations.actions, name)) return []
  return [
    `${path}: action "${name}" is not implemented${
      isEffectName(name) ? '; spread effectActions into setup({ actions })' : ''
    }`,
  ]
}

function lintGuard(machine: AnyStateMachine, path: string, guard: unknown): string[] {
  // and(), or(), not() are functions that carry the guards they combine.
  if (typeof guard === 'function' && 'check' in guard) {
    const inner: unknown = Reflect.get(guard, 'guards')
    return Array.isArray(inner) ? inner.flatMap((part) => lintGuard(machine, path, part)) : []
  }
  const name = nameOf(guard)
  if (name === undefined) {
    return [`${path}: a guard is written inline; name it in setup({ guards })`]
  }
  return Object.hasOwn(machine.implementations.guards, name)
    ? []
    : [`${path}: guard "${name}" is not implemented`]
}

function lintDelay(machine: AnyStateMachine, path: string, delay: string): string[] {
  if (Object.hasOwn(machine.implementations.delays, delay)) return []
  return [`${path}: delay "${delay}" must be the name of one in setup({ delays })`]
}

function nameOf(reference: unknown): string | undefined {
  if (typeof reference === 'string') return reference
  if (typeof reference !== 'object' || reference === null) return undefined
  const type: unknown = Reflect.get(reference, 'type')
  return typeof type === 'string' ? type : undefined
}

/** Lives the sample twice without clock and chance, and once more from JSON: all three must agree. */
function lintSample(definition: ActorDefinition, sample: ActorSample): string[] {
  try {
    return withoutClockAndChance(() => {
      const lives = [
        live(definition, sample, false),
        live(definition, sample, false),
        live(definition, sample, true),
      ]
      if (new Set(lives).size === 1) return []
      return [
        'living a sample twice gave two different results: its functions must depend on context, event and input alone',
      ]
    })
  } catch (failure) {
    return [`living a sample failed: ${describe(failure)}`]
  }
}

function live(definition: ActorDefinition, sample: ActorSample, throughJson: boolean): string {
  const adapter = createMachineAdapter(definition.machine)
  let step = adapter.initial(sample.input)
  const steps = [step]
  for (const event of sample.events ?? []) {
    if (step.status !== 'active') break
    step = adapter.step(throughJson ? structuredClone(step.snapshot) : step.snapshot, event)
    steps.push(step)
  }
  return JSON.stringify([steps, definition.view({ id: 'sample', ...step })])
}

function describe(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure)
  return failure.cause === undefined
    ? failure.message
    : `${failure.message}: ${describe(failure.cause)}`
}
