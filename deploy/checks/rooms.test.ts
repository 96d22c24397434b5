/** The house rules of the sources: who may import whom, no cycles, no barrels, no default exports. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

const rooms = ['kernel', 'actors', 'workers', 'plugins', 'ui', 'deploy'] as const

/** Here `.ts` is a transport stream. */
const mediaDirectory = join('deploy', 'checks', 'media')

interface Import {
  readonly specifier: string
  readonly isType: boolean
}

interface Source {
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

const sources = rooms.flatMap((room) => readSources(room))
const paths = new Set(sources.map((source) => source.path))

test('sources were found in every room', () => {
  for (const room of rooms) assert.ok(sources.some((source) => roomOf(source.path) === room), room)
})

test('imports point downward: kernel imports no other room, the middle rooms only kernel', () => {
  const wrong = localImports().filter(({ from, to }) => !isAllowed(from, to)).map(arrow)
  assert.deepEqual(wrong, [])
})

test('a plugin imports only contracts, errors, log, clock and the guard of outgoing requests of the kernel, but for its tests', () => {
  const allowed = /^kernel\/(contract\/[a-z-]+|errors|log|clock|outbound|plugin\/sdk)\.ts$/
  const wrong = localImports()
    .filter(({ from, to }) => roomOf(from) === 'plugins' && roomOf(to) === 'kernel')
    .filter(({ from, to }) => !allowed.test(to) && !isTest(from))
    .map(arrow)
  assert.deepEqual(wrong, [])
})

test('inside kernel: contract < errors, clock, log < db, bus, audit < http', () => {
  const rank = (path: string) =>
    path.startsWith('kernel/contract/')
      ? 0
      : path.startsWith('kernel/http/')
      ? 3
      : /^kernel\/(db|bus|audit)\//.test(path)
      ? 2
      : 1
  const wrong = localImports()
    .filter(({ from, to }) =>
      roomOf(from) === 'kernel' && roomOf(to) === 'kernel' &&
      isKernelArrowUp(rank(from), rank(to), to)
    )
    .map(arrow)
  assert.deepEqual(wrong, [])
})

test('value imports form no cycle', () => {
  assert.deepEqual(findCycle(), [])
})

test('no file only re-exports others, and none has a default export', () => {
  const barrels = sources.filter(({ text }) => isBarrel(text)).map(({ path }) => path)
  const defaults = sources.filter(({ text }) => /^export default /m.test(text)).map(({ path }) =>
    path
  )
  assert.deepEqual({ barrels, defaults }, { barrels: [], defaults: [] })
})

test('XState is imported by machines and the registry alone', () => {
  const allowed =
    /^actors\/([a-z]+\/machine|engine\/(registry|lint|machine|definition|test-machines))[a-z.-]*\.ts$/
  const wrong = sources
    .filter(({ path, imports }) =>
      imports.some(({ specifier }) => specifier === 'xstate') && !allowed.test(path)
    )
    .filter(({ path }) => !path.endsWith('.test.ts') && !path.includes('/simulation/'))
    .map(({ path }) => path)
  assert.deepEqual(wrong, [])
})

test('nats.ws is imported by one file', () => {
  const importers = sources
    .filter(({ imports }) => imports.some(({ specifier }) => specifier === 'nats.ws'))
    .map(({ path }) => path)
  assert.deepEqual(importers, ['kernel/bus/nats.ts'])
})

test('nothing leaves the process from inside a room', () => {
  const wrong = sources
    .filter(({ path, text }) =>
      roomOf(path) !== 'deploy' && !path.includes('.test.') && /\bprocess\.exit\(/.test(text)
    )
    .map(({ path }) => path)
  assert.deepEqual(wrong, [])
})

function isKernelArrowUp(from: number, to: number, target: string): boolean {
  if (to <= from) return false
  return !(from === 1 && target.startsWith('kernel/db/')) // sources, gateway and metrics read through the database port
}

function isAllowed(from: string, to: string): boolean {
  const [a, b] = [roomOf(from), roomOf(to)]
  if (a === 'deploy') return true
  if (a === 'plugins' && b === 'plugins') {
    return pluginOf(from) === pluginOf(to) || to.endsWith('.suite.ts')
  }
  return a === b || b === 'kernel'
}

/** A test, or the real server of one. */
function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || /\/test-[a-z0-9-]+\.ts$/.test(path)
}

function pluginOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function findCycle(): string[] {
  const graph = new Map<string, string[]>()
  for (const { from, to, isType } of localImports()) {
    if (!isType) graph.set(from, [...(graph.get(from) ?? []), to])
  }
  const done = new Set<string>()
  const visit = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return []
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path])
      if (cycle.length > 0) return cycle
    }
    done.add(path)
    return []
  }
  for (const path of graph.keys()) {
    const cycle = visit(path, [])
    if (cycle.length > 0) return cycle
  }
  return []
}

function isBarrel(text: string): boolean {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').trim()
  return code !== '' &&
    code.split(/;|\n(?=export|import)/).every((line) =>
      line.trim() === '' || /^export (type )?(\*|\{[^}]*\}) from /.test(line.trim())
    )
}

function arrow({ from, to }: { from: string; to: string }): string {
  return `${from} -> ${to}`
}

function localImports() {
  return sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, isType }) => ({
        from: path,
        to: normalize(join(dirname(path), specifier)),
        isType,
      }))
      .filter(({ to }) => paths.has(to))
  )
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function readSources(room: string): Source[] {
  return readdirSync(room, { recursive: true, encoding: 'utf8' })
    .map((name) => join(room, name))
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith(mediaDirectory))
    .map((path) => {
      const text = readFileSync(path, 'utf8')
      return { path, text, imports: readImports(text) }
    })
}

function readImports(text: string): Import[] {
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:[^'"]*?\s+from\s+)?['"]([^'"]+)['"]/gm,
  )
  return [...found].map((match) => ({ specifier: match[2] ?? '', isType: match[1] !== undefined }))
}
