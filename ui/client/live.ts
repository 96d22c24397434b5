/**
 * Keeps the live parts of a page current. An element with `data-live="topic topic"` and `hx-get` is fetched again, at most
 * about twice a second, when one of its topics changes; htmx morphs the answer in. A hidden page does nothing.
 */

const leastMs = 500
const longestBackoffMs = 15_000
const pingMs = 25_000

interface Region {
  timer: ReturnType<typeof setTimeout> | undefined
  lastMs: number
  isFetching: boolean
  isStale: boolean
}

const regions = new WeakMap<Element, Region>()
const subscribed = new Set<string>()
let socket: WebSocket | undefined
let failures = 0
let reconnect: ReturnType<typeof setTimeout> | undefined

function liveElements(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('[data-live]')]
}

function topicsOf(element: HTMLElement): string[] {
  return (element.dataset['live'] ?? '').split(' ').filter(Boolean)
}

function regionOf(element: Element): Region {
  const known = regions.get(element)
  if (known) return known
  const region: Region = { timer: undefined, lastMs: 0, isFetching: false, isStale: false }
  regions.set(element, region)
  return region
}

/** Asks htmx for the element's fragment now, or as soon as half a second has passed since the last time. */
function refresh(element: HTMLElement): void {
  const region = regionOf(element)
  region.isStale = true
  if (region.isFetching || region.timer !== undefined || document.hidden) return
  const waitMs = Math.max(0, region.lastMs + leastMs - Date.now())
  region.timer = setTimeout(() => {
    region.timer = undefined
    region.lastMs = Date.now()
    region.isStale = false
    region.isFetching = true
    element.dispatchEvent(new CustomEvent('refresh'))
  }, waitMs)
}

function onFetched(event: Event): void {
  const element = event.target
  if (!(element instanceof HTMLElement) || !element.matches('[data-live]')) return
  const region = regionOf(element)
  region.isFetching = false
  if (region.isStale) refresh(element)
}

/** Subscribes to what the page shows now, and to nothing else. */
function syncTopics(): void {
  const wanted = new Set(liveElements().flatMap(topicsOf))
  if (wanted.size === 0) return close()
  if (socket === undefined) return connect()
  if (socket.readyState !== WebSocket.OPEN) return
  for (const topic of wanted) {
    if (subscribed.has(topic)) continue
    subscribed.add(topic)
    socket.send(JSON.stringify({ type: 'subscribe', topic }))
  }
  for (const topic of subscribed) {
    if (wanted.has(topic)) continue
    subscribed.delete(topic)
    socket.send(JSON.stringify({ type: 'unsubscribe', topic }))
  }
}

function connect(): void {
  if (document.hidden || socket !== undefined) return
  clearTimeout(reconnect)
  const url = new URL('/v1/ws', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const opened = new WebSocket(url)
  socket = opened
  const ping = setInterval(() => {
    if (opened.readyState === WebSocket.OPEN) opened.send('{"type":"ping"}')
  }, pingMs)
  opened.addEventListener('open', () => {
    document.documentElement.dataset['connection'] = 'open'
    syncTopics()
    // What happened while there was no connection is not told again: look once.
    if (failures > 0) liveElements().forEach(refresh)
    failures = 0
  })
  opened.addEventListener('message', (event) => onMessage(String(event.data)))
  opened.addEventListener('close', () => {
    clearInterval(ping)
    if (socket !== opened) return
    forget()
    failures += 1
    document.documentElement.dataset['connection'] = 'lost'
    const backoffMs = Math.min(longestBackoffMs, 500 * 2 ** Math.min(failures, 5))
    reconnect = setTimeout(syncTopics, backoffMs * (0.75 + Math.random() / 2))
  })
}

function close(): void {
  clearTimeout(reconnect)
  const closing = socket
  forget()
  closing?.close()
}

function forget(): void {
  socket = undefined
  subscribed.clear()
}

function onMessage(text: string): void {
  const message = JSON.parse(text) as { type?: string; topic?: string }
  if (message.type !== 'update' || message.topic === undefined) return
  for (const element of liveElements()) {
    if (topicsOf(element).includes(message.topic)) refresh(element)
  }
}

document.addEventListener('htmx:finally:request', onFetched)
document.addEventListener('htmx:after:swap', syncTopics)
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return close()
  liveElements().forEach(refresh)
  syncTopics()
})
// A page that comes back from the back-forward cache lost its socket and shows old figures.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return
  close()
  liveElements().forEach(refresh)
  syncTopics()
})
syncTopics()
