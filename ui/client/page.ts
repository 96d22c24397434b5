/** Small comforts of every page: relative times that stay true, local times in tooltips, choices that apply at once. */

const formatter = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** The same words as `formatRelative` of the server. */
function relative(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1000)
  if (seconds < 10) return 'just now'
  if (seconds > 30 * 86_400) return new Date(at).toISOString().slice(0, 10)
  const amount = seconds < 60
    ? `${seconds} s`
    : seconds < 3600
    ? `${Math.floor(seconds / 60)} min`
    : seconds < 86_400
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`
  return at > now ? `in ${amount}` : `${amount} ago`
}

function updateTimes(): void {
  if (document.hidden) return
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-relative]')) {
    const at = Date.parse(time.dateTime)
    const text = relative(at, Date.now())
    if (time.textContent !== text) time.textContent = text
    time.title = formatter.format(at)
  }
}

/** Selects and radios marked so submit their form when they change; without scripts there is a button. */
function submitOnChange(event: Event): void {
  const control = event.target
  if (!(control instanceof HTMLSelectElement || control instanceof HTMLInputElement)) return
  if (control.matches('[data-submit]')) control.form?.requestSubmit()
}

/** Copies what the button carries. Without a secure connection browsers have no clipboard: the text is selected instead. */
async function copy(event: Event): Promise<void> {
  const button = event.target instanceof Element
    ? event.target.closest<HTMLElement>('[data-copy]')
    : null
  if (!button) return
  const clipboard: Clipboard | undefined = navigator.clipboard
  if (clipboard === undefined) return getSelection()?.selectAllChildren(button)
  await clipboard.writeText(button.dataset['copy'] ?? '')
  button.dataset['copied'] = ''
  setTimeout(() => delete button.dataset['copied'], 1500)
}

document.documentElement.dataset['scripts'] = ''
document.addEventListener('change', submitOnChange)
document.addEventListener('click', (event) => void copy(event))
document.addEventListener('htmx:after:swap', updateTimes)
document.addEventListener('visibilitychange', updateTimes)
setInterval(updateTimes, 15_000)
updateTimes()
