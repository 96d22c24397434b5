import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader } from '../../kernel/db/database.ts'
import {
  adminRights,
  fixtureJobId,
  fixtureNow,
  jobFixture,
  newTokenFixture,
  profileFixture,
  statsFixture,
  taskFixture,
  workerFixture,
} from '../fixtures.ts'
import { DashboardPage, type DashboardView } from './dashboard.tsx'
import { JobPage, type JobPageView } from './job.tsx'
import { addressOf, JobsPage, jobsQueryFrom, loadJobs } from './jobs.tsx'
import { chosenLog, logFileFrom, LogsPage } from './logs.tsx'
import { newJobFormFrom } from './new-job-form.ts'
import { NewJobPage } from './new-job.tsx'
import { ProfilesPage } from './profiles.tsx'
import { SignInPage } from './sign-in.tsx'
import { WorkerPage } from './worker.tsx'
import { WorkersPage, type WorkersView } from './workers.tsx'

function dashboard(changes: Partial<DashboardView> = {}): string {
  const view = {
    stats: statsFixture,
    running: [],
    recent: [],
    workers: [],
    storage: undefined,
    canCreate: true,
    now: fixtureNow,
    ...changes,
  }
  return String(<DashboardPage view={view} />)
}

function job(changes: Partial<JobPageView> = {}): string {
  const view = {
    waitReason: null,
    job: jobFixture(),
    tasks: [taskFixture()],
    events: [],
    outputs: [],
    report: undefined,
    showsAllTasks: false,
    csrfToken: 'token',
    now: fixtureNow,
    ...changes,
  }
  return String(<JobPage view={view} />)
}

const output = {
  name: 'a b.mp4',
  type: 'final' as const,
  object: { key: 'k', sizeBytes: 1_500_000, sha256: 'ab'.repeat(32) },
  contentType: 'video/mp4',
}

test('DashboardPage of an empty box says what to do next', () => {
  const text = dashboard()
  assert.match(text, /Nothing encoded yet/)
  assert.match(text, /href="\/jobs\/new"/)
  assert.match(text, /No worker is online/)
})

test('DashboardPage offers a new job only to who may create one', () => {
  assert.doesNotMatch(dashboard({ canCreate: false }), /\/jobs\/new/)
})

test('DashboardPage warns of a full disk and shows what runs', () => {
  const groups = [{ name: 'Uploads', bytes: 1e9, keptFor: '24 h' }]
  const storage = { usedBytes: 95e9, freeBytes: 5e9, groups }
  const text = dashboard({ storage, running: [jobFixture()], workers: [workerFixture()] })
  assert.match(text, /5 GB free/)
  assert.match(text, /Uploads, kept 24 h/)
  assert.match(text, /data-tone="danger"[^>]*aria-label="Storage in use"/)
  assert.match(text, /opening night\.mp4/)
  assert.match(text, new RegExp(`data-live="dashboard:stats job:${fixtureJobId}:updates"`))
})

test('DashboardPage shows no empty list of recent jobs beside the first running one', () => {
  const text = dashboard({ running: [jobFixture()] })
  assert.match(text, /Running now/)
  assert.doesNotMatch(text, /Recent jobs|Nothing encoded yet/)
})

test('JobsPage escapes what people typed', () => {
  const query = jobsQueryFrom({ q: '"><script>' })
  const jobs = [jobFixture({ source_url: 'https://a.example/<img src=x>.mp4' })]
  const view = { query, page: { jobs, nextCursor: null }, canCreate: true, now: fixtureNow }
  const text = String(<JobsPage view={view} />)
  assert.doesNotMatch(text, /<script>|<img/)
  assert.match(text, /&lt;img src=x&gt;\.mp4/)
})

test('JobsPage leads to the next page and back to the first one', () => {
  const query = jobsQueryFrom({ status: 'failed', cursor: 'abc' })
  const page = { jobs: [jobFixture()], nextCursor: 'def' }
  const text = String(<JobsPage view={{ query, page, canCreate: true, now: fixtureNow }} />)
  assert.match(text, /href="\/jobs\?status=failed&amp;cursor=def"[^>]*rel="next"/)
  assert.match(text, /href="\/jobs\?status=failed"[^>]*><svg[^]*First page/)
})

test('jobsQueryFrom() takes what it does not understand as not given', () => {
  assert.deepEqual(jobsQueryFrom({ status: 'odd', sort: 'x', q: ' a ' }), {
    status: undefined,
    q: 'a',
    sort: 'newest',
  })
  assert.equal(addressOf('/jobs', jobsQueryFrom({}), {}), '/jobs')
})

test('loadJobs() counts jobs that are joined or written as processing', async () => {
  const asked: unknown[] = []
  const db: Reader = {
    query({ values }) {
      asked.push(...values)
      return Promise.resolve([])
    },
  }
  await loadJobs(db, jobsQueryFrom({ status: 'processing' }), fixtureNow, false)
  assert.deepEqual(asked[0], ['processing', 'stitching', 'uploading'])
  await loadJobs(db, jobsQueryFrom({ status: 'failed' }), fixtureNow, false)
  assert.ok(asked.some((value) => String(value) === 'failed'))
})

test('JobPage of a running job is live, shows its pace and can be cancelled', () => {
  const text = job()
  assert.match(text, new RegExp(`hx-get="/jobs/${fixtureJobId}/live"`))
  assert.match(text, /hx-swap="outerMorph"/)
  assert.match(text, /60 fps · 2× real time/)
  assert.match(text, /3 min 20 s left/)
  assert.match(text, /action="\/jobs\/[^"]+\/cancel"/)
})

test('JobPage shows a viewer no button that they may not press', () => {
  assert.doesNotMatch(job({ csrfToken: undefined }), /<form/)
})

test('JobPage of a completed job plays and offers its file, and is no longer live', () => {
  const text = job({
    job: jobFixture({
      status: 'completed',
      phase: 'completed',
      finished_at: '2026-03-01T11:58:00Z',
    }),
    outputs: [output],
    report: { frames: 1300, videoSeconds: 30.0004, sizeBytes: 1_510_000, monotonic: true },
  })
  assert.match(
    text,
    /<video [^>]*controls[^>]*src="\/v1\/jobs\/[^"]+\/outputs\/a%20b\.mp4#t=0\.001"/,
  )
  assert.match(text, /<video [^>]*data-poster="\/v1\/jobs\/[^"]+\/outputs\/a%20b\.mp4"/)
  assert.match(text, /download="a b\.mp4"/)
  assert.match(text, /1\.5 MB/)
  assert.match(text, /abab/)
  assert.match(text, /Monotonic<\/dt><dd[^>]*>yes/)
  assert.match(text, /Frames<\/dt><dd[^>]*>1,300</)
  assert.match(text, /Video<\/dt><dd[^>]*>30 s</)
  assert.match(text, /Size<\/dt><dd[^>]*>1\.51 MB</)
  assert.match(text, /all 1,300 frames are there/)
  assert.match(text, /\/retry"/)
  assert.doesNotMatch(text, /hx-get|data-live/)
})

test('JobPage names the container of the source as people do', () => {
  const container = (format: string) => job({ job: jobFixture({ media: { format } }) })
  assert.match(container('mov,mp4,m4a,3gp,3g2,mj2'), /Format<\/dt><dd[^>]*>MP4 or QuickTime</)
  assert.match(container('avi'), /Format<\/dt><dd[^>]*>AVI</)
})

test('JobPage of a failed job explains it', () => {
  const error = { code: 'WE-JOB-007', message: 'FFmpeg cannot read it' }
  const text = job({ job: jobFixture({ status: 'failed', phase: 'failed', error }) })
  assert.match(text, /Unsupported source format/)
  assert.match(text, /FFmpeg cannot read it/)
})

test('LogsPage shows the text as text', () => {
  const file = logFileFrom('j.encode.00001.2.log', 10)
  assert.ok(file)
  const view = { jobId: 'j', title: 'a', files: [file], shown: { file, text: '<b>frame=1</b>' } }
  const text = String(<LogsPage view={view} />)
  assert.match(text, /&lt;b&gt;frame=1/)
  assert.match(text, /Chunk 2/)
  assert.match(text, /aria-current="true"/)
})

test('chosenLog() goes by name, then by task, and for a chunk without a log by its second run', () => {
  const files = ['j.encode.00001.1', 'j.encode.00001.2', 'j.hedge.00000.1', 'j.hedge.00001.1']
    .map((name) => logFileFrom(`${name}.log`, 10)!)
  const nameOf = (chosen: Parameters<typeof chosenLog>[1]) => chosenLog(files, chosen)?.name
  assert.equal(nameOf({ name: 'j.encode.00001.1.log' }), 'j.encode.00001.1.log')
  assert.equal(nameOf({ taskId: 'j.encode.00001' }), 'j.encode.00001.2.log')
  assert.equal(nameOf({ taskId: 'j.encode.00000' }), 'j.hedge.00000.1.log')
  assert.equal(nameOf({ taskId: 'j.hedge.00001' }), 'j.hedge.00001.1.log')
  assert.equal(nameOf({ taskId: 'j.stitch.00000' }), undefined)
  assert.equal(nameOf({}), undefined)
})

test('logFileFrom() reads task and attempt from the name', () => {
  assert.deepEqual(logFileFrom('a.b.00001.12.log', 5), {
    name: 'a.b.00001.12.log',
    taskId: 'a.b.00001',
    attempt: 12,
    sizeBytes: 5,
  })
  assert.equal(logFileFrom('notes.txt', 5), undefined)
})

test('NewJobPage keeps what was typed and opens what is wrong', () => {
  const form = newJobFormFrom({
    kind: 'url',
    source_url: 'http://10.0.0.1/',
    crf: '99',
    key: 'k'.repeat(8),
  })
  const view = {
    form,
    errors: { crf: 'Too big' },
    profiles: [profileFixture],
    folder: { entries: [] },
    csrfToken: 'token',
  }
  const text = String(<NewJobPage view={view} />)
  assert.match(text, /name="source_url"[^>]*value="http:\/\/10\.0\.0\.1\/"/)
  assert.match(text, /<details[^>]* open/)
  assert.match(text, /id="crf-error" role="alert"[^>]*>Too big/)
  assert.match(text, /value="url" checked/)
  assert.match(text, /value="720p_h264" checked/)
  assert.match(text, /name="key" value="kkkkkkkk"/)
})

test('NewJobPage asks for no more than a source and a profile, and keeps its button in sight', () => {
  const form = newJobFormFrom({})
  const view = {
    form,
    errors: {},
    profiles: [profileFixture],
    folder: { entries: [] },
    csrfToken: 't',
  }
  const text = String(<NewJobPage view={view} />)
  assert.doesNotMatch(text, /<details[^>]* open/)
  assert.match(text, /<details.*name="priority".*<\/details>/)
  assert.match(text, /class="action-bar"(?:(?!<form).)*<button type="submit"[^>]*>Create job</)
  assert.match(
    String(<NewJobPage view={{ ...view, form: newJobFormFrom({ priority: '5' }) }} />),
    /<details[^>]* open/,
  )
})

test('ProfilesPage puts settings into words', () => {
  const text = String(<ProfilesPage profiles={[profileFixture]} canCreate />)
  assert.match(text, /H\.264/)
  assert.match(text, /up to 1280 × 720/)
  assert.match(text, /CRF 23, at most 2\.75 Mb\/s/)
  assert.match(text, /AAC 128 kb\/s, stereo/)
})

function workersPage(changes: Partial<WorkersView> = {}): string {
  const view = { workers: [], rights: adminRights, joining: undefined, now: fixtureNow, ...changes }
  return String(<WorkersPage view={view} />)
}

test('WorkersPage counts who is online, and shows what each can do', () => {
  const workers = [workerFixture(), workerFixture({ id: 'w2', status: 'offline' })]
  const text = workersPage({ workers })
  assert.match(text, /1 worker online · 1 of 2 slots in use/)
  assert.match(text, /FFmpeg 7\.1/)
  assert.match(text, /2 h 00 min/)
  assert.match(text, /href="\/workers\/w2"/)
  assert.match(text, /data-live="workers:list"/)
  assert.match(workersPage(), /No worker has joined yet/)
})

test('WorkersPage shows viewers no button, and operators none that lets in or removes', () => {
  const workers = [workerFixture()]
  const rights = { ...adminRights, canRemove: false }
  assert.doesNotMatch(workersPage({ workers, rights }), /remove|tokens/)
  assert.doesNotMatch(
    workersPage({ workers, rights: { ...rights, canOperate: false } }),
    /<form|Actions/,
  )
})

test('WorkersPage shows a new token once, with the command to run', () => {
  const busUrl = 'wss://bus.example'
  const { token, ...waiting } = newTokenFixture
  const shown = workersPage({ joining: { busUrl, tokens: [], made: newTokenFixture } })
  assert.match(shown, /NATS_URL=wss:\/\/bus\.example WEBENCODE_JOIN_TOKEN=wj_shown-once/)
  const later = workersPage({ joining: { busUrl, tokens: [waiting], made: undefined } })
  assert.doesNotMatch(later, new RegExp(token))
  assert.match(later, /action="\/workers\/tokens\/jt-0a1b2c3d4e5f\/delete"/)
  const alone = workersPage({ joining: { busUrl: undefined, tokens: [], made: undefined } })
  assert.match(alone, /runs as one process/)
  assert.doesNotMatch(alone, /action="\/workers\/tokens"/)
})

test('WorkerPage shows tasks, load, machine and history, and what comes next', () => {
  const view = {
    worker: workerFixture({
      status: 'draining',
      command: 'drain',
      capabilities: { slots: 2, videoCodecs: ['libx264', 'h264_qsv'], gpu: 'intel' },
    }),
    tasks: [taskFixture()],
    events: [{
      id: '1',
      actor_id: 'worker.w1',
      type: 'drain',
      at: '2026-03-01T11:59:00Z',
      data: { by: 'ann' },
    }],
    day: { completed: 3, averageSeconds: 12 },
    rights: adminRights,
    now: fixtureNow,
  }
  const text = String(<WorkerPage view={view} />)
  assert.match(text, /It finishes 1 task, and takes nothing new until it is undrained\./)
  assert.match(text, new RegExp(`href="/jobs/${fixtureJobId}"`))
  assert.match(text, /Drained by ann/)
  assert.match(text, /h264_qsv/)
  assert.match(text, /3 tasks/)
  assert.match(text, /data-live="worker:w1:updates"/)
})

test('JobPage says why work waits, and looks again when workers come and go', () => {
  const tasks = [taskFixture({ status: 'ready' })]
  const text = job({ waitReason: 'No worker takes work now.', tasks })
  assert.match(text, /No worker takes work now\. The job goes on by itself/)
  assert.match(text, new RegExp(`data-live="job:${fixtureJobId}:updates workers:list"`))
  assert.doesNotMatch(job(), /goes on by itself|workers:list/)
})

test('SignInPage carries where to go next, escaped', () => {
  const text = String(<SignInPage view={{ next: '/"x', username: '', logoUrl: '/l.svg' }} />)
  assert.match(text, /name="next" value="\/&quot;x"/)
  assert.match(text, /autocomplete="current-password"/)
})
