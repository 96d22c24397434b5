/**
 * Sends the chosen or dropped file while the rest of the form is filled in, with its progress and speed, and goes on after
 * a broken connection. A job that is created too early is created as soon as its file has arrived.
 */

const form = document.querySelector<HTMLFormElement>('#new-job')
const uploadForm = document.querySelector<HTMLFormElement>('#upload')

interface Parts {
  /** Of the new job; absent where files are only uploaded. */
  readonly form: HTMLFormElement | null
  readonly uploadForm: HTMLFormElement
  readonly drop: HTMLElement
  readonly file: HTMLInputElement
  readonly source: HTMLInputElement
  readonly state: HTMLElement
  readonly name: HTMLElement
  readonly bar: HTMLProgressElement
  readonly note: HTMLElement
  readonly cancel: HTMLButtonElement
  readonly createNote: HTMLElement | null
  /** Leads to a job of the file. */
  readonly uploaded: HTMLAnchorElement | null
}

function find<Found extends Element>(selector: string): Found {
  const found = document.querySelector<Found>(selector)
  if (!found) throw new Error(`The page has no ${selector}`)
  return found
}

function partsOf(form: HTMLFormElement | null, uploadForm: HTMLFormElement): Parts {
  return {
    form,
    uploadForm,
    drop: find('[data-drop]'),
    file: find('#file'),
    source: find('input[name=source_upload]'),
    state: find('[data-upload-state]'),
    name: find('[data-upload-name]'),
    bar: find('[data-upload-bar]'),
    note: find('[data-upload-note]'),
    cancel: find('[data-upload-cancel]'),
    createNote: document.querySelector('#create-note'),
    uploaded: document.querySelector('[data-uploaded]'),
  }
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`
}

function remaining(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`
  return `${Math.round(seconds / 60)} min left`
}

/** Bytes per second over the last few seconds, so that the number neither jumps nor lags. */
function createSpeedometer(): (loaded: number) => number {
  const samples: [atMs: number, loaded: number][] = []
  return (loaded) => {
    const now = performance.now()
    samples.push([now, loaded])
    while (samples.length > 2 && now - (samples[0]?.[0] ?? now) > 4000) samples.shift()
    const [firstMs, firstLoaded] = samples[0] ?? [now, loaded]
    return now === firstMs ? 0 : ((loaded - firstLoaded) * 1000) / (now - firstMs)
  }
}

/** Milliseconds before each try to go on; they start over when a try brought something. */
const retryDelaysMs = [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000, 15_000]
const tus = { 'Tus-Resumable': '1.0.0' }

/** The server refused; another try would not help. */
class Refused extends Error {}

/** One file on its way by tus 1.0: it goes on where a broken connection, or an earlier visit to the page, left it. */
class ResumableUpload {
  readonly #file: File
  readonly #url: string
  readonly #token: string
  readonly #stop = new AbortController()
  #location = ''
  /** Bytes that are there; the first argument of the progress. */
  readonly #onProgress: (loaded: number) => void
  readonly #onWait: () => void

  constructor(
    file: File,
    form: HTMLFormElement,
    listeners: { onProgress: (loaded: number) => void; onWait: () => void },
  ) {
    this.#file = file
    this.#url = form.dataset['uploadUrl'] ?? form.action
    this.#token = String(new FormData(form).get('_csrf') ?? '')
    this.#onProgress = listeners.onProgress
    this.#onWait = listeners.onWait
  }

  /** What the upload is remembered by, so that the same file goes on after the page was left. */
  get #memory(): string {
    const { name, size, lastModified } = this.#file
    return `webencode-upload:${name}:${size}:${lastModified}`
  }

  cancel(): void {
    this.#stop.abort()
    localStorage.removeItem(this.#memory)
    if (this.#location === '') return
    const headers = { ...tus, 'X-CSRF-Token': this.#token }
    fetch(this.#location, { method: 'DELETE', headers }).catch(() => {})
  }

  /** @returns the source; undefined when it was cancelled @throws Refused, or the failure of the last try */
  async run(): Promise<string | undefined> {
    this.#location = localStorage.getItem(this.#memory) ?? ''
    for (let failures = 0, best = 0;;) {
      try {
        const at = await this.#find()
        if (at.offset > best) [best, failures] = [at.offset, 0]
        if (at.offset < this.#file.size) await this.#send(at.offset)
        const now = await this.#find()
        if (now.offset < this.#file.size) throw new Error('The connection was lost.')
        localStorage.removeItem(this.#memory)
        return now.source
      } catch (failure) {
        if (this.#stop.signal.aborted) return undefined
        const delayMs = retryDelaysMs[failures++]
        if (failure instanceof Refused || delayMs === undefined) throw failure
        this.#onWait()
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        if (this.#stop.signal.aborted) return undefined
      }
    }
  }

  /** Where the upload is; a new one when there is none. */
  async #find(): Promise<{ offset: number; source: string }> {
    const { signal } = this.#stop
    if (this.#location === '') return await this.#begin()
    const answer = await fetch(this.#location, { method: 'HEAD', headers: tus, signal })
    if (answer.status === 404 || answer.status === 410) return await this.#begin()
    refuseUnless(answer.ok, answer.status, '')
    return placeFrom(answer)
  }

  async #begin(): Promise<{ offset: number; source: string }> {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.#file.name)))
    const answer = await fetch(this.#url, {
      method: 'POST',
      headers: {
        ...tus,
        'X-CSRF-Token': this.#token,
        'Upload-Length': String(this.#file.size),
        'Upload-Metadata': `filename ${name}`,
      },
      signal: this.#stop.signal,
    })
    refuseUnless(answer.ok, answer.status, await answer.clone().text())
    this.#location = answer.headers.get('Location') ?? ''
    localStorage.setItem(this.#memory, this.#location)
    return placeFrom(answer)
  }

  /** Sends the rest. A request tells its progress, which `fetch` does not. */
  #send(offset: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const request = new XMLHttpRequest()
    request.open('PATCH', this.#location)
    const headers = {
      ...tus,
      'X-CSRF-Token': this.#token,
      'Upload-Offset': String(offset),
      'Content-Type': 'application/offset+octet-stream',
    }
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    const lost = () => reject(new Error('The connection was lost.'))
    request.upload.addEventListener('progress', ({ loaded }) => this.#onProgress(offset + loaded))
    request.addEventListener('error', lost)
    request.addEventListener('abort', lost)
    request.addEventListener('load', () => {
      try {
        refuseUnless(request.status < 300, request.status, request.responseText)
        resolve()
      } catch (failure) {
        reject(failure)
      }
    })
    this.#stop.signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(this.#file.slice(offset))
    return promise
  }
}

function placeFrom({ headers }: Response): { offset: number; source: string } {
  return {
    offset: Number(headers.get('Upload-Offset') ?? 0),
    source: headers.get('WebEncode-Source') ?? '',
  }
}

/** @throws Refused, or an Error when another try may help */
function refuseUnless(isFine: boolean, status: number, body: string): void {
  if (isFine) return
  const problem = problemFrom(body) ?? `The server answered ${status}.`
  const mayPass = status >= 500 || [408, 409, 423, 429].includes(status)
  throw mayPass && status !== 507 ? new Error(problem) : new Refused(problem)
}

function problemFrom(body: string): string | undefined {
  try {
    return JSON.parse(body).error?.details
  } catch (failure) {
    if (failure instanceof SyntaxError) return undefined
    throw failure
  }
}

/** Sends one file at a time and shows how far it is. */
class Uploader {
  readonly #parts: Parts
  #running: ResumableUpload | undefined
  #createWhenDone = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** The form is submitted when the file has arrived. */
  createWhenDone(): void {
    this.#createWhenDone = true
    this.#tell('The job is created as soon as the file has arrived.')
  }

  cancel(): void {
    this.#running?.cancel()
    this.#parts.file.value = ''
    this.#stop('Cancelled', 'neutral')
  }

  send(chosen: File): void {
    const { uploadForm, source, state, name, bar, cancel } = this.#parts
    this.#running?.cancel()
    source.value = ''
    state.hidden = false
    name.textContent = chosen.name
    bar.value = 0
    cancel.hidden = false
    this.#show('Starting …', 'active')
    const speedOf = createSpeedometer()
    const upload = new ResumableUpload(chosen, uploadForm, {
      onProgress: (loaded) => {
        if (this.#running !== upload) return
        bar.value = (100 * loaded) / chosen.size
        const speed = speedOf(loaded)
        const left = speed > 0 ? ` · ${remaining((chosen.size - loaded) / speed)}` : ''
        this.#show(`${bytes(loaded)} of ${bytes(chosen.size)} · ${bytes(speed)}/s${left}`, 'active')
      },
      onWait: () => {
        if (this.#running === upload) {
          this.#show('The connection was lost. Trying again …', 'warning')
        }
      },
    })
    this.#running = upload
    upload.run().then(
      (source) => this.#running === upload && source !== undefined && this.#finish(source),
      (failure: Error) => this.#running === upload && this.#stop(failure.message, 'danger'),
    )
  }

  #finish(source: string): void {
    const isCreateAsked = this.#createWhenDone
    this.#parts.source.value = source
    this.#parts.bar.value = 100
    this.#stop('Uploaded', 'success')
    const { form, uploaded } = this.#parts
    if (uploaded !== null) {
      uploaded.hidden = false
      const query = new URLSearchParams({ kind: 'upload', source_upload: source })
      uploaded.href = `/jobs/new?${query}`
    }
    if (isCreateAsked) form?.requestSubmit()
  }

  #stop(text: string, tone: string): void {
    this.#running = undefined
    this.#createWhenDone = false
    this.#parts.cancel.hidden = true
    this.#tell('')
    this.#show(text, tone)
  }

  #tell(text: string): void {
    if (this.#parts.createNote !== null) this.#parts.createNote.textContent = text
  }

  #show(text: string, tone: string): void {
    this.#parts.note.textContent = text
    this.#parts.bar.dataset['tone'] = tone
  }
}

function setUp(parts: Parts): void {
  const { form, drop, file, cancel } = parts
  const uploader = new Uploader(parts)
  hideWhatScriptsReplace(file)
  file.addEventListener('change', () => file.files?.[0] && uploader.send(file.files[0]))
  cancel.addEventListener('click', () => uploader.cancel())
  form?.addEventListener('submit', (event) => {
    if (new FormData(form).get('kind') !== 'upload' || !uploader.isRunning) return
    event.preventDefault()
    uploader.createWhenDone()
  })
  addEventListener('beforeunload', (event) => {
    if (uploader.isRunning) event.preventDefault()
  })
  setUpDrop(drop, (dropped) => uploader.send(dropped))
}

/** The label and the drop zone stand for the file input; the keyboard still reaches it. */
function hideWhatScriptsReplace(file: HTMLInputElement): void {
  file.classList.add('sr-only')
  for (const element of document.querySelectorAll<HTMLElement>('[data-scripts-only]')) {
    element.hidden = false
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-no-scripts]')) {
    element.hidden = true
  }
}

function setUpDrop(drop: HTMLElement, send: (file: File) => void): void {
  for (const type of ['dragenter', 'dragover']) {
    drop.addEventListener(type, (event) => {
      event.preventDefault()
      drop.dataset['over'] = ''
    })
  }
  for (const type of ['dragleave', 'drop']) {
    drop.addEventListener(type, () => delete drop.dataset['over'])
  }
  drop.addEventListener('drop', (event) => {
    event.preventDefault()
    const dropped = event.dataTransfer?.files[0]
    if (dropped) send(dropped)
  })
}

if (uploadForm) setUp(partsOf(form, uploadForm))
