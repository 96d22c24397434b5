import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actorDefinitions } from './definitions.ts'
import { createRegistry } from './engine/registry.ts'

test('actorDefinitions are durable, each with a life that registration tries', () => {
  const registry = createRegistry(actorDefinitions)
  for (const { type, samples } of actorDefinitions) {
    assert.ok(registry.has(type), type)
    assert.ok((samples?.[0]?.events?.length ?? 0) > 3, type)
  }
})
