import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actorDefinitions } from './definitions.ts'
import { createRegistry } from './engine/registry.ts'

test('actorDefinitions are durable, each with lives that registration tries', () => {
  const registry = createRegistry(actorDefinitions)
  for (const { type, samples } of actorDefinitions) {
    assert.ok(registry.has(type), type)
    assert.ok((samples ?? []).flatMap(({ events = [] }) => events).length > 3, type)
  }
})
