import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobEventView, TaskView, WorkerView } from '../../kernel/contract/job.ts'
import {
  adminRights,
  fixtureJobId,
  fixtureNow,
  jobFixture,
  taskFixture,
  workerFixture,
} from '../fixtures.ts'
import { joinCommand } from './add-worker.tsx'
import { ConfirmButton, TextField } from './forms.tsx'
import { progressSentence, topicsOf } from './job-list.tsx'
import { FailureCard, MediaFacts, paceSentence, ReportFacts, Steps } from './job-parts.tsx'
import { NoticeBanner } from './panels.tsx'
import { ChunkStrip, ProgressBar } from './progress.tsx'
import { TaskBadge, WorkerBadge } from './status.tsx'
import { shortList, TaskTable } from './task-table.tsx'
import { stepFrom, taskNameFrom } from './timeline.tsx'
import { WorkerActions, type WorkerRights } from './worker-actions.tsx'
import { WorkerTable } from './worker-list.tsx'
import { workerStepFrom } from './worker-timeline.ts'

test('ProgressBar is a native progress element with a name and no style attribute', () => {
  const text = String(<ProgressBar percent={42.56} label='Progress of "a"' />)
  assert.match(text, /<progress [^>]*value="42.6" max="100"/)
  assert.match(text, /aria-label="Progress of &quot;a&quot;"/)
  assert.doesNotMatch(text, /style=/)
})

test('ChunkStrip draws one cell a chunk and says the counts to screen readers', () => {
  const chunks = [
    taskFixture({ status: 'completed', progress_pct: 100 }),
    taskFixture({ sequence_index: 1, start_time_sec: 10, end_time_sec: 20 }),
    taskFixture({ sequence_index: 2, status: 'ready', progress_pct: 0 }),
  ]
  const text = String(<ChunkStrip chunks={chunks} />)
  assert.equal(text.match(/<progress/g)?.length, 3)
  assert.match(text, /aria-label="3 chunks: 1 completed, 1 running, 1 queued"/)
  assert.match(text, /data-state="running" title="Chunk 2 \(0:10 – 0:20\): running, 30 %"/)
})

test('ChunkStrip draws a cell as wide as its chunk is long', () => {
  const chunks = [
    taskFixture({ start_time_sec: 0, end_time_sec: 36 }),
    taskFixture({ sequence_index: 1, start_time_sec: 36, end_time_sec: 54 }),
    taskFixture({ sequence_index: 2, start_time_sec: 54, end_time_sec: 54.2 }),
  ]
  const text = String(<ChunkStrip chunks={chunks} />)
  const cells = [...text.matchAll(/<progress id="cell-(\d)" class="(grow-\d+)"/g)]
  assert.deepEqual(cells.map(([, at, width]) => [at, width]), [
    ['0', 'grow-12'],
    ['1', 'grow-6'],
    ['2', 'grow-1'],
  ])
  const many = Array.from({ length: 41 }, (_, i) => taskFixture({ sequence_index: i }))
  assert.doesNotMatch(String(<ChunkStrip chunks={many} />), /grow-|data-row/)
})

test('Steps marks the phase that the job is in', () => {
  const text = String(<Steps phase='stitching' />)
  assert.match(text, /aria-current="step">(?:(?!<li).)*Stitch/)
  assert.equal(text.match(/aria-current/g)?.length, 1)
  assert.equal(String(<Steps phase='failed' />), '')
})

test('FailureCard says code, reason and what to do, and escapes what a tool wrote', () => {
  const error = { code: 'WE-JOB-007', message: 'No <moov> atom', detail: '<b>last line</b>' }
  const text = String(<FailureCard error={error} />)
  assert.match(text, /WE-JOB-007/)
  assert.match(text, /No &lt;moov&gt; atom/)
  assert.match(text, /&lt;b&gt;last line/)
  assert.match(text, /Check that the file is a playable/)
})

test('FailureCard shows an error whose code it does not know', () => {
  assert.match(
    String(<FailureCard error={{ code: 'X', message: 'odd' }} />),
    /The job failed.*odd/s,
  )
})

test('TextField ties its error to the input', () => {
  const text = String(<TextField name='crf' label='Quality' hint='Lower' error='Too high' />)
  assert.match(text, /<label for="crf"/)
  assert.match(text, /aria-invalid="true" aria-describedby="crf-hint crf-error"/)
  assert.match(text, /id="crf-error" role="alert"[^>]*>Too high/)
  assert.doesNotMatch(String(<TextField name='crf' label='Quality' />), /aria-invalid|describedby/)
})

test('ConfirmButton asks in a popover before it posts with the token', () => {
  const text = String(
    <ConfirmButton
      id='confirm'
      action='/jobs/1/delete'
      csrfToken='secret'
      icon='trash'
      label='Delete'
      question='Delete?'
      consequence='For good.'
      confirmLabel='Yes'
    />,
  )
  assert.match(text, /<button type="button"[^>]*popovertarget="confirm"/)
  assert.match(text, /id="confirm" popover="auto" role="dialog"/)
  assert.match(text, /<form method="post" action="\/jobs\/1\/delete"/)
  assert.match(text, /name="_csrf" value="secret"/)
})

test('NoticeBanner interrupts a screen reader only for an error', () => {
  assert.match(String(<NoticeBanner notice={{ tone: 'danger', text: 'No' }} />), /role="alert"/)
  assert.match(String(<NoticeBanner notice={{ tone: 'success', text: 'Yes' }} />), /role="status"/)
})

test('TaskBadge tells a task that waits for its inputs from one that waits after a failure', () => {
  const error = { code: 'WE-WRK-003', message: 'gone' }
  assert.match(String(<TaskBadge task={{ status: 'waiting', error: null }} />), /Not yet/)
  assert.match(String(<TaskBadge task={{ status: 'waiting', error }} />), /Waiting to retry/)
})

test('TaskTable offers a requeue only to who may, of a task that can be', () => {
  const tasks = [taskFixture(), taskFixture({ id: 'b', sequence_index: 1, status: 'completed' })]
  const table = (csrfToken: string | undefined) =>
    String(
      <TaskTable tasks={tasks} csrfToken={csrfToken} />,
    )
  assert.equal(table('t').match(/aria-label="Start [^"]* over/g)?.length, 1)
  assert.doesNotMatch(table(undefined), /Start over/)
  assert.match(table('t'), />w1</)
})

test('TaskTable asks before it drops work, and offers a log only where there is one', () => {
  const table = (changes: Partial<TaskView>) =>
    String(<TaskTable tasks={[taskFixture(changes)]} csrfToken='t' />)
  assert.match(table({}), /Start Chunk 1 over\?/)
  assert.doesNotMatch(table({ status: 'failed' }), /Start Chunk 1 over\?/)
  assert.doesNotMatch(table({ attempt_count: 1 }), />Log</)
  assert.match(table({ attempt_count: 2 }), /2<[^]*>Log</)
  assert.match(table({ attempt_count: 1, status: 'completed' }), /Log</)
})

test('paceSentence() counts a chunk that has just begun as the others', () => {
  const tasks = [
    taskFixture({ fps: 60, speed: 2 }),
    taskFixture({ fps: null, speed: null }),
    taskFixture({ kind: 'audio', fps: null, speed: 55 }),
  ]
  assert.equal(paceSentence(tasks), '120 fps · 4× real time')
  assert.equal(paceSentence([]), '')
})

test('TaskTable marks a chunk that a second worker has too', () => {
  const table = (hedged: boolean) =>
    String(
      <TaskTable tasks={[taskFixture({ hedged })]} csrfToken={undefined} />,
    )
  assert.match(table(true), /title="Given to a second worker too/)
  assert.doesNotMatch(table(false), /second worker/)
})

test('shortList() of many tasks keeps those that somebody looks for', () => {
  const chunks = Array.from(
    { length: 100 },
    (_, i) => taskFixture({ sequence_index: i, status: i === 70 ? 'running' : 'completed' }),
  )
  const stitch = taskFixture({ kind: 'stitch', status: 'waiting' })
  const list = shortList([...chunks, stitch])
  assert.deepEqual(list.map((task) => [task.kind, task.sequence_index]), [['encode', 70], [
    'stitch',
    0,
  ]])
  assert.equal(shortList(chunks.slice(0, 10)).length, 10)
})

test('WorkerTable shows a worker whose abilities are unknown', () => {
  const worker = workerFixture({ capabilities: { slots: 'many' }, slots: 0, cpu_percent: null })
  const table = <WorkerTable workers={[worker]} now={fixtureNow} rights={adminRights} />
  assert.match(String(table), /1 of 0 slots</)
})

test('WorkerBadge says what people made of a worker', () => {
  const badge = (status: WorkerView['status'], command: WorkerView['command']) =>
    /<\/svg>([^<]*)</.exec(String(<WorkerBadge worker={{ status, command }} />))?.[1]
  assert.deepEqual(
    [badge('healthy', 'work'), badge('draining', 'drain'), badge('draining', 'restart')],
    ['Healthy', 'Draining', 'Restarting'],
  )
  assert.deepEqual(
    [badge('draining', 'leave'), badge('offline', 'work'), badge('offline', 'drain')],
    ['Leaving', 'Offline', 'Offline, drained'],
  )
})

test('WorkerActions shows the buttons that make sense to those who may press them', () => {
  const buttons = (changes: Partial<WorkerView>, rights: Partial<WorkerRights> = {}) => {
    const worker = workerFixture(changes)
    const text = String(<WorkerActions worker={worker} rights={{ ...adminRights, ...rights }} />)
    return [...text.matchAll(/action="\/workers\/w1\/(\w+)"/g)].map(([, verb]) => verb)
  }
  assert.deepEqual(buttons({}), ['drain', 'restart', 'remove'])
  const draining = { status: 'draining' } as const
  assert.deepEqual(buttons({ ...draining, command: 'drain' }), ['undrain', 'restart', 'remove'])
  assert.deepEqual(buttons({ ...draining, command: 'restart' }), ['remove'])
  assert.deepEqual(buttons({ ...draining, command: 'leave' }), [])
  assert.deepEqual(buttons({ status: 'offline' }), ['drain', 'remove'])
  assert.deepEqual(buttons({}, { canRemove: false }), ['drain', 'restart'])
  assert.deepEqual(buttons({}, { canRemove: false, canOperate: false }), [])
})

test('joinCommand() is one line for a shell, whatever is in it', () => {
  assert.equal(
    joinCommand('wss://bus.example:443', 'wj_a-b'),
    'NATS_URL=wss://bus.example:443 WEBENCODE_JOIN_TOKEN=wj_a-b WORKER_ID=$(hostname) npm run worker',
  )
  assert.match(joinCommand("ws://a/?b='$(x)", 't'), /^NATS_URL='ws:\/\/a\/\?b='\\''\$\(x\)' /)
})

test('workerStepFrom() puts the history of a worker into words', () => {
  const words = (type: string, data: JobEventView['data'] = {}) =>
    workerStepFrom({ id: '1', actor_id: 'worker.w1', type, at: '', data }).text
  assert.equal(words('drain', { by: 'ann' }), 'Drained by ann')
  assert.equal(words('join', { version: '0.2.0' }), 'Joined as a new process, version 0.2.0')
  assert.equal(words('something'), 'something')
})

test('topicsOf() watches the dashboard and the jobs that still change', () => {
  const jobs = [jobFixture(), jobFixture({ id: 'done', status: 'completed' })]
  assert.equal(topicsOf(jobs), `dashboard:stats job:${fixtureJobId}:updates`)
})

test('progressSentence() says what a job does until an end is in sight', () => {
  assert.equal(progressSentence(jobFixture()), '42 % · 3 min 20 s left')
  assert.equal(progressSentence(jobFixture({ eta_seconds: null })), '42 % · Encoding chunks')
  assert.equal(progressSentence(jobFixture({ status: 'queued' })), 'Waiting for a worker')
})

test('stepFrom() puts events into words and leaves out echoes', () => {
  const event = (actor_id: string, type: string, data: JobEventView['data'] = {}) =>
    stepFrom({ id: '1', actor_id, type, at: '', data }, 'j')?.text
  assert.equal(event('j', 'cancel', { by: 'ann' }), 'Cancelled by ann')
  assert.equal(event('j', 'taskFailed', { failure: { message: 'No disk' } }), 'The job failed')
  assert.equal(event('j', 'taskFinished'), undefined)
  assert.equal(event('j.encode.00011', 'claim', { workerId: 'w1' }), 'Chunk 12 started on w1')
  assert.equal(event('j.encode.00011', 'finish'), 'Chunk 12 encoded')
  assert.equal(event('j.hedge.00011', 'finish'), 'Second run of chunk 12 encoded')
  assert.equal(event('j.stitch.00000', 'finish'), 'Chunks joined')
  assert.equal(event('j.encode.00011', 'leaseExpired'), 'Chunk 12: its worker was lost')
  assert.equal(event('j.encode.00011', 'xstate.init'), undefined)
  assert.equal(event('j.encode.00011', 'hedge'), 'Chunk 12: slow, offered to another worker')
  assert.equal(event('j.encode.00011', 'outdone'), 'Chunk 12: finished by its second run')
  assert.equal(event('j.encode.00011', 'hedgeStarted'), undefined)
  assert.equal(
    event('j.hedge.00011', 'claim', { workerId: 'w1' }),
    'Second run of chunk 12 started on w1',
  )
  assert.equal(event('j.hedge.00011', 'withdraw'), 'Second run of chunk 12: not needed any more')
  assert.equal(event('j.encode.00011', 'xstate.after.5000.task.waiting'), 'Chunk 12: ready again')
})

test('taskNameFrom() falls back to the id', () => {
  assert.equal(taskNameFrom('j.stitch.00000'), 'Stitch')
  assert.equal(taskNameFrom('j.other.00000'), 'j.other.00000')
})

test('MediaFacts and ReportFacts say nothing of the pictures of a job of sound alone', () => {
  const media = { duration_seconds: 9, size_bytes: 1000, total_frames: 0, audio_codec: 'aac' }
  assert.doesNotMatch(String(<MediaFacts media={media} />), /Frames|Video/)
  assert.match(String(<MediaFacts media={{ ...media, total_frames: 1250 }} />), /Frames.*1,250/)
  const report = { frames: 0, videoSeconds: 0, audioTracks: 1, audioSeconds: 9 }
  const text = String(<ReportFacts report={report} />)
  assert.doesNotMatch(text, /Frames|Video/)
  assert.match(text, /Audio<.*9 s/)
})
