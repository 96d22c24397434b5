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

function setUp(parts: Parts): void {
  const { form, drop, file, source, state, name, bar, note, cancel, createNote } = parts
  let running: XMLHttpRequest | undefined
  let createWhenDone = false

  for (const element of document.querySelectorAll<HTMLElement>('[data-scripts-only]')) {
    element.hidden = false
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-no-scripts]')) {
    element.hidden = true
  }

  // The label and the drop zone stand for it; the keyboard still reaches it.
  file.classList.add('sr-only')

  const show = (text: string, tone: string) => {
    note.textContent = text
    bar.dataset['tone'] = tone
  }
  const stop = (text: string, tone: string) => {
    running = undefined
    createWhenDone = false
    cancel.hidden = true
    createNote.textContent = ''
    show(text, tone)
  }

  const finish = (request: XMLHttpRequest) => {
    const answer = answerOf(request)
    if (answer.source === undefined) return stop(answer.problem, 'danger')
    const isCreateAsked = createWhenDone
    source.value = answer.source
    bar.value = 100
    stop('Uploaded', 'success')
    if (isCreateAsked) form.requestSubmit()
  }

  const send = (chosen: File) => {
    running?.abort()
    source.value = ''
    state.hidden = false
    name.textContent = chosen.name
    bar.value = 0
    cancel.hidden = false
    show('Starting …', 'active')
    const body = new FormData(parts.uploadForm)
    const token = String(body.get('_csrf') ?? '')
    body.set('file', chosen)
    const request = new XMLHttpRequest()
    const speedOf = createSpeedometer()
    request.open('POST', parts.uploadForm.dataset['uploadUrl'] ?? parts.uploadForm.action)
    request.setRequestHeader('X-CSRF-Token', token)
    request.setRequestHeader('Accept', 'application/json')
    request.upload.addEventListener('progress', (event) => {
      if (running !== request || !event.lengthComputable) return
      bar.value = (100 * event.loaded) / event.total
      const speed = speedOf(event.loaded)
      const left = speed > 0 ? ` · ${remaining((event.total - event.loaded) / speed)}` : ''
      show(`${bytes(event.loaded)} of ${bytes(event.total)} · ${bytes(speed)}/s${left}`, 'active')
    })
    request.addEventListener('load', () => running === request && finish(request))
    request.addEventListener(
      'error',
      () =>
        running === request && stop('The connection was lost. Choose the file again.', 'danger'),
    )
    running = request
    request.send(body)
  }

  file.addEventListener('change', () => file.files?.[0] && send(file.files[0]))
  cancel.addEventListener('click', () => {
    running?.abort()
    file.value = ''
    stop('Cancelled', 'neutral')
  })
  form.addEventListener('submit', (event) => {
    const kind = new FormData(form).get('kind')
    if (kind !== 'upload' || running === undefined) return
    event.preventDefault()
    createWhenDone = true
    createNote.textContent = 'The job is created as soon as the file has arrived.'
  })
  addEventListener('beforeunload', (event) => {
    if (running !== undefined) event.preventDefault()
  })
  setUpDrop(drop, send)
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
