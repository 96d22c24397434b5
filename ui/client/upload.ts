/**
 * Sends the chosen or dropped file while the rest of the form is filled in, with its progress and speed. A job that is
 * created too early is created as soon as its file has arrived.
 */

const form = document.querySelector<HTMLFormElement>('#new-job')
const uploadForm = document.querySelector<HTMLFormElement>('#upload')

interface Parts {
  readonly form: HTMLFormElement
  readonly uploadForm: HTMLFormElement
  readonly drop: HTMLElement
  readonly file: HTMLInputElement
  readonly source: HTMLInputElement
  readonly state: HTMLElement
  readonly name: HTMLElement
  readonly bar: HTMLProgressElement
  readonly note: HTMLElement
  readonly cancel: HTMLButtonElement
  readonly createNote: HTMLElement
}

function find<Found extends Element>(selector: string): Found {
  const found = document.querySelector<Found>(selector)
  if (!found) throw new Error(`The page has no ${selector}`)
  return found
}

function partsOf(form: HTMLFormElement, uploadForm: HTMLFormElement): Parts {
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
    createNote: find('#create-note'),
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

/** Sends one file at a time and shows how far it is. */
class Uploader {
  readonly #parts: Parts
  #running: XMLHttpRequest | undefined
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
    this.#parts.createNote.textContent = 'The job is created as soon as the file has arrived.'
  }

  cancel(): void {
    this.#running?.abort()
    this.#parts.file.value = ''
    this.#stop('Cancelled', 'neutral')
  }

  send(chosen: File): void {
    const { uploadForm, source, state, name, bar, cancel } = this.#parts
    this.#running?.abort()
    source.value = ''
    state.hidden = false
    name.textContent = chosen.name
    bar.value = 0
    cancel.hidden = false
    this.#show('Starting …', 'active')
    const body = new FormData(uploadForm)
    const token = String(body.get('_csrf') ?? '')
    body.set('file', chosen)
    const request = new XMLHttpRequest()
    request.open('POST', uploadForm.dataset['uploadUrl'] ?? uploadForm.action)
    request.setRequestHeader('X-CSRF-Token', token)
    request.setRequestHeader('Accept', 'application/json')
    this.#watch(request)
    this.#running = request
    request.send(body)
  }

  /** A request that another one replaced is no longer listened to. */
  #watch(request: XMLHttpRequest): void {
    const speedOf = createSpeedometer()
    const isCurrent = () => this.#running === request
    request.upload.addEventListener('progress', ({ lengthComputable, loaded, total }) => {
      if (!isCurrent() || !lengthComputable) return
      this.#parts.bar.value = (100 * loaded) / total
      const speed = speedOf(loaded)
      const left = speed > 0 ? ` · ${remaining((total - loaded) / speed)}` : ''
      this.#show(`${bytes(loaded)} of ${bytes(total)} · ${bytes(speed)}/s${left}`, 'active')
    })
    request.addEventListener('load', () => {
      if (isCurrent()) this.#finish(request)
    })
    request.addEventListener('error', () => {
      if (isCurrent()) this.#stop('The connection was lost. Choose the file again.', 'danger')
    })
  }

  #finish(request: XMLHttpRequest): void {
    const answer = answerOf(request)
    if (answer.source === undefined) return this.#stop(answer.problem, 'danger')
    const isCreateAsked = this.#createWhenDone
    this.#parts.source.value = answer.source
    this.#parts.bar.value = 100
    this.#stop('Uploaded', 'success')
    if (isCreateAsked) this.#parts.form.requestSubmit()
  }

  #stop(text: string, tone: string): void {
    this.#running = undefined
    this.#createWhenDone = false
    this.#parts.cancel.hidden = true
    this.#parts.createNote.textContent = ''
    this.#show(text, tone)
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
  form.addEventListener('submit', (event) => {
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

function answerOf(request: XMLHttpRequest): { source?: string; problem: string } {
  const fallback = `The server answered ${request.status}.`
  try {
    const body = JSON.parse(request.responseText)
    if (request.status < 300) return { source: body.url, problem: fallback }
    return { problem: body.error?.details ?? fallback }
  } catch (failure) {
    if (failure instanceof SyntaxError) return { problem: fallback }
    throw failure
  }
}

if (form && uploadForm) setUp(partsOf(form, uploadForm))
