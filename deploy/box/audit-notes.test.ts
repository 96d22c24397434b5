import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { NewAuditEvent } from '../../kernel/contract/audit.ts'
import { noteForAudit, takeNotes } from './audit-notes.ts'

function directoryOf(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'audit-notes-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'audit')
}

const recordInto = (rows: NewAuditEvent[]) => ({
  record(event: NewAuditEvent) {
    rows.push(event)
    return Promise.resolve()
  },
})

test('takeNotes() makes a row of each note, once', async (t) => {
  const directory = directoryOf(t)
  await noteForAudit(directory, 'user.create', 'u1', { role: 'viewer' })
  await noteForAudit(directory, 'user.delete', 'u2')
  const rows: NewAuditEvent[] = []
  const audit = recordInto(rows)
  await takeNotes(directory, audit)
  await takeNotes(directory, audit)
  const shown = rows.map(({ action, resourceId, detail }) => [action, resourceId, detail['role']])
  assert.deepEqual(shown.sort(), [['user.create', 'u1', 'viewer'], [
    'user.delete',
    'u2',
    undefined,
  ]])
  assert.deepEqual(readdirSync(directory), [])
})

test('takeNotes() keeps a note that was not written, and takes none that is half there', async (t) => {
  const directory = directoryOf(t)
  const failing = { record: () => Promise.reject(new Error('no database')) }
  await takeNotes(directory, failing)
  assert.equal(existsSync(directory), false)
  await noteForAudit(directory, 'user.create', 'u1')
  writeFileSync(join(directory, 'act-2.json.part'), '{"id":')
  await assert.rejects(takeNotes(directory, failing), /no database/)
  const rows: NewAuditEvent[] = []
  await takeNotes(directory, recordInto(rows))
  assert.equal(rows.length, 1)
})

test('takeNotes() sets what is no note aside, and goes on with the others', async (t) => {
  const directory = directoryOf(t)
  await noteForAudit(directory, 'user.create', 'u1')
  writeFileSync(join(directory, '0.json'), '{"id":')
  const rows: NewAuditEvent[] = []
  const audit = recordInto(rows)
  await assert.rejects(takeNotes(directory, audit), /it must be a note/)
  await takeNotes(directory, audit)
  assert.equal(rows.length, 1)
  assert.deepEqual(readdirSync(directory), ['0.json.unreadable'])
})
