/** A process full of WebSocket clients of the live benchmark: notes when each hears of what. */
import type { Socket } from 'node:net'
import { answerParent } from './child.ts'
import { openWebSocket, sendText } from './web-socket.ts'

/** Whom to connect to, and what to watch. */
export interface Plan {
  readonly url: string
  readonly token: string
  readonly clients: number
  /** The job that all watch. */
  readonly sharedJob: string
  /** Client `i` watches job `i` of these too, over and over; its `eta_seconds` is the time of the change, in ms since `beginMs`. */
  readonly ownJobs: readonly string[]
}

/** Handshakes under way at the same time. */
const handshakes = 64
const changeEveryMs = 1000

interface Client {
  readonly socket: Socket
  /** Changes of its own job are seen up to here, in ms since the begin. */
  seenMs: number
}

const clients: Client[] = []
let expected: string | undefined
let arrivals: number[] = []
let beginMs = 0
let lags: number[] = []
/** The first 100 bytes of a message name its topic. */
const headBytes = 100

/** What this process is asked. */
export const answers = {
  async connect(plan: Plan): Promise<void> {
    let next = 0
    const connectSome = async () => {
      for (let i = next++; i < plan.clients; i = next++) clients.push(await connectOne(plan, i))
    }
    await Promise.all(Array.from({ length: handshakes }, connectSome))
  },
  /** Notes from now on who gets an update of the shared job with this text in it. */
  expect(text: string): void {
    expected = text
    arrivals = []
  },
  /** When each client got it, in ms since the epoch. */
  arrivals: (): number[] => arrivals,
  beginChanges(atMs: number): void {
    beginMs = atMs
    lags = []
    for (const client of clients) client.seenMs = Number.NaN
  },
  /** How far behind clients were, in ms, at each message, and at the end those that heard nothing more. */
  endChanges(endMs: number): number[] {
    const waiting = clients.map(({ seenMs }) => {
      return Number.isNaN(seenMs) ? endMs : endMs - (seenMs + changeEveryMs)
    })
    return [...lags, ...waiting.filter((lagMs) => lagMs > 0)].map(Math.round)
  },
}

answerParent(answers)

async function connectOne(
  { url, token, sharedJob, ownJobs }: Plan,
  index: number,
): Promise<Client> {
  const own = ownJobs[index % ownJobs.length]
  const socket = await openWebSocket({
    url,
    path: '/v1/ws',
    headers: { authorization: `Bearer ${token}` },
    onText(bytes) {
      const nowMs = performance.timeOrigin + performance.now()
      if (!bytes.toString('latin1', 0, headBytes).includes(sharedJob)) {
        noteChange(client, changedMsOf(bytes), nowMs)
      } else if (expected !== undefined && bytes.includes(expected)) arrivals.push(nowMs)
    },
  })
  const client: Client = { socket, seenMs: Number.NaN }
  for (const job of [sharedJob, own]) {
    sendText(socket, JSON.stringify({ type: 'subscribe', topic: `job:${job}:updates` }))
  }
  return client
}

/** A change that was skipped, because a newer one came with it, counts from when it happened. */
function noteChange(client: Client, changedMs: number, nowMs: number): void {
  if (beginMs === 0 || !(changedMs > 0)) return
  const oldestMs = Number.isNaN(client.seenMs)
    ? changedMs
    : Math.min(changedMs, client.seenMs + changeEveryMs)
  lags.push(nowMs - beginMs - oldestMs)
  client.seenMs = changedMs
}

/** The number after `"eta_seconds":`. */
function changedMsOf(bytes: Buffer): number {
  const at = bytes.indexOf('"eta_seconds":')
  const number = Number.parseInt(bytes.toString('latin1', at + 14, at + 26), 10)
  return at < 0 ? Number.NaN : number
}
