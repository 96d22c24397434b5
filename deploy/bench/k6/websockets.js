/** k6: 10,000 WebSockets that watch the dashboard for a minute. `k6 run -e WEBENCODE_URL=… -e WEBENCODE_TOKEN=… websockets.js` */
import { Counter } from 'k6/metrics'
import { WebSocket } from 'k6/websockets'

const virtualUsers = 100
const socketsEach = 100
/** A user opens a socket, and the next one after this time: 1,000 a second in all. */
const everyMs = 100
const watchMs = 60_000

const opened = new Counter('sockets_opened')
const updated = new Counter('sockets_updated')
const lost = new Counter('sockets_lost')

export const options = {
  scenarios: {
    websockets: {
      executor: 'per-vu-iterations',
      exec: 'watch',
      vus: virtualUsers,
      iterations: 1,
      maxDuration: '3m',
    },
  },
  thresholds: {
    sockets_opened: [`count==${virtualUsers * socketsEach}`],
    sockets_updated: [`count>=${virtualUsers * socketsEach}`],
    sockets_lost: ['count==0'],
  },
}

/** Opens the sockets of one user, one after the other. */
export function watch() {
  let left = socketsEach
  const timer = setInterval(() => {
    open()
    if (--left === 0) clearInterval(timer)
  }, everyMs)
}

function open() {
  const url = `${__ENV.WEBENCODE_URL.replace(/^http/, 'ws')}/v1/ws`
  const headers = { authorization: `Bearer ${__ENV.WEBENCODE_TOKEN}` }
  const socket = new WebSocket(url, null, { headers })
  let isDone = false
  let isUpdated = false
  socket.onopen = () => {
    opened.add(1)
    socket.send('{"type":"subscribe","topic":"dashboard:stats"}')
    setTimeout(() => {
      isDone = true
      socket.close()
    }, watchMs)
  }
  socket.onmessage = () => {
    if (isUpdated) return
    isUpdated = true
    updated.add(1)
  }
  socket.onclose = () => {
    if (!isDone) lost.add(1)
  }
}
