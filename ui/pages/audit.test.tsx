import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEventView } from '../../kernel/contract/audit.ts'
import { fixtureNow } from '../fixtures.ts'
import { addressOf, AuditPage, auditQueryFrom, exportAddressOf } from './audit.tsx'

function eventFixture(changes: Partial<AuditEventView> = {}): AuditEventView {
  return {
    id: 'a1',
    at: '2026-03-01T11:00:00.000Z',
    kind: 'user_action',
    action: 'job.create',
    actor_id: 'u1',
    actor_name: 'ada',
    actor_role: 'admin',
    client_ip: '10.0.0.1',
    resource_type: 'job',
    resource_id: 'j1',
    outcome: 'allowed',
    correlation_id: 'req-1',
    detail: { status: 201 },
    ...changes,
  }
}

function render(events: AuditEventView[], query: Record<string, string> = {}, next?: string) {
  const page = { events, nextCursor: next ?? null }
  const view = { query: auditQueryFrom(query), page, now: fixtureNow }
  return String(<AuditPage view={view} />)
}

test('auditQueryFrom() takes what it does not understand as not given', () => {
  const query = auditQueryFrom({
    kind: 'x',
    outcome: 'y',
    from: 'soon',
    to: '',
    action: 'a'.repeat(999),
  })
  const nothing = { kind: undefined, outcome: undefined }
  assert.deepEqual(query, { ...nothing, action: '', actor: '', resource: '', from: '', to: '' })
})

test('AuditPage shows what, who and how it went, and escapes all of it', () => {
  const text = render([eventFixture({ actor_name: '<b>', detail: { note: '<i>' } })])
  assert.match(text, /title="job\.create">Create job</)
  assert.match(render([eventFixture({ action: 'user.set_role' })]), />Set role</)
  assert.match(
    render([eventFixture({ kind: 'system', action: 'worker.joined' })]),
    />Worker joined</,
  )
  assert.match(text, /href="\/jobs\/j1"/)
  assert.match(text, /&lt;b&gt;/)
  assert.doesNotMatch(text, /<b>|<i>/)
})

test('AuditPage keeps the filters in the form, the next page and the export', () => {
  const query = { action: 'job', outcome: 'failed', to: '2026-03-01', resource: 'j1' }
  const text = render([eventFixture()], query, 'next')
  assert.match(text, /name="action" value="job"/)
  assert.match(text, /<option value="failed" selected/)
  assert.match(
    text,
    /href="\/audit\?outcome=failed&amp;action=job&amp;resource=j1&amp;to=2026-03-01&amp;cursor=next"/,
  )
  const exported = new URL(exportAddressOf(auditQueryFrom(query)), 'http://x')
  assert.deepEqual(Object.fromEntries(exported.searchParams), {
    outcome: 'failed',
    action: 'job',
    resource_id: 'j1',
    to: '2026-03-02T00:00:00.000Z',
  })
})

test('AuditPage says why it is empty', () => {
  assert.match(render([]), /Nothing happened yet/)
  assert.match(render([], { actor: 'nobody' }), /No events match/)
  assert.equal(addressOf(auditQueryFrom({}), { cursor: undefined }), '/audit')
})
