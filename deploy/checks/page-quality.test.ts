/** Every page in a real browser: it fits a phone, its text has contrast, and what can be pressed has a name. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { writePlugin } from './plugin-program.ts'
import { createDataDirectory, type Product, startProduct, stopProducts } from './product.ts'

const program = '/usr/bin/chromium'
const skip = existsSync(program) ? false : 'Chromium is not installed'
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking']
const paths = [
  '/dashboard',
  '/jobs',
  '/jobs/new',
  '/jobs/new?kind=url&crf=20',
  '/files',
  '/profiles',
  '/workers',
  '/workers/local',
  '/plugins',
  '/plugins/publisher-check',
  '/settings/tokens',
  '/settings/users',
  '/settings/secrets',
  '/audit',
  '/docs',
]
let browser: Browser
let product: Product
let state: Awaited<ReturnType<BrowserContext['storageState']>>

before(async () => {
  if (skip !== false) return
  browser = await chromium.launch({ executablePath: program, args: flags })
  const plugins = createDataDirectory()
  writePlugin(plugins, 'publisher-check')
  product = await startProduct({ env: { PLUGIN_DIR: plugins } })
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(product.signInUrl ?? '')
  await page.getByRole('button', { name: /sign in/i }).click()
  await page.waitForURL(/\/dashboard/)
  state = await context.storageState()
  await context.close()
})

after(async () => {
  await browser?.close()
  await stopProducts()
})

test('no page and no table scrolls sideways on a phone', { skip }, async () => {
  const found = await onEveryPage(
    { width: 390, theme: 'light' },
    () =>
      [document.documentElement, ...document.querySelectorAll('.table-container')]
        .filter((element) => element.scrollWidth > element.clientWidth + 1)
        .map((element) => `${element.tagName} of ${element.scrollWidth} px`),
  )
  assert.deepEqual(found, [])
})

test(
  'every control has a name, every id is one, every page has one heading',
  { skip },
  async () => {
    const found = await onEveryPage({ width: 1280, theme: 'light' }, () => {
      const controls = 'input:not([type=hidden]), select, textarea, button, a[href], summary'
      const nameOf = (element: Element) => {
        const labels = 'labels' in element ? [...(element.labels as NodeListOf<Element> ?? [])] : []
        const texts = [...labels, element].map(({ textContent }) => textContent ?? '')
        return [...texts, element.getAttribute('aria-label') ?? ''].join('').trim()
      }
      const nameless = [...document.querySelectorAll(controls)].filter((one) => nameOf(one) === '')
      const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
      return [
        ...nameless.map(({ outerHTML }) => outerHTML.slice(0, 80)),
        ...ids.filter((id, at) => ids.indexOf(id) !== at),
        ...(document.querySelectorAll('h1').length === 1 ? [] : ['not one h1']),
      ]
    })
    assert.deepEqual(found, [])
  },
)

for (const theme of ['light', 'dark'] as const) {
  test(`text has a contrast of at least 4.5 to 1 on ${theme} pages`, { skip }, async () => {
    assert.deepEqual(await onEveryPage({ width: 1280, theme }, faintTexts), [])
  })
}

/** What `look` finds on each page, with the address of the page. */
async function onEveryPage(
  { width, theme }: { width: number; theme: 'light' | 'dark' },
  look: () => string[],
): Promise<string[]> {
  const viewport = { width, height: 844 }
  const context = await browser.newContext({ viewport, colorScheme: theme, storageState: state })
  const page = await context.newPage()
  const found: string[] = []
  for (const path of paths) {
    const answer = await page.goto(`${product.url}${path}`)
    assert.equal(answer?.status(), 200, path)
    for (const finding of await page.evaluate(look)) found.push(`${path}: ${finding}`)
  }
  await context.close()
  return found
}

/** Runs in the browser: texts that are seen, by the formula of WCAG 2. Backgrounds are laid over one another as they are drawn. */
function faintTexts(): string[] {
  type Colour = readonly [red: number, green: number, blue: number, alpha: number]
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  if (pen === null) return ['no canvas']
  const parse = (text: string): Colour => {
    pen.clearRect(0, 0, 1, 1)
    pen.fillStyle = text
    pen.fillRect(0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0, alpha = 0] = pen.getImageData(0, 0, 1, 1).data
    return [red, green, blue, alpha / 255]
  }
  const lay = (top: Colour, below: Colour): Colour => {
    const mix = (at: 0 | 1 | 2) => top[at] * top[3] + below[at] * (1 - top[3])
    return [mix(0), mix(1), mix(2), 1]
  }
  const behind = (element: Element | null): Colour =>
    element === null
      ? [255, 255, 255, 1]
      : lay(parse(getComputedStyle(element).backgroundColor), behind(element.parentElement))
  const light = (colour: Colour) => {
    const part = (value: number) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4
    return 0.2126 * part(colour[0]) + 0.7152 * part(colour[1]) + 0.0722 * part(colour[2])
  }
  const faint: string[] = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    const text = walker.currentNode.textContent?.trim() ?? ''
    if (text === '' || !element?.checkVisibility({ opacityProperty: true })) continue
    const ground = behind(element)
    const ink = lay(parse(getComputedStyle(element).color), ground)
    const [less = 0, more = 0] = [light(ink), light(ground)].sort((a, b) => a - b)
    const contrast = (more + 0.05) / (less + 0.05)
    if (contrast < 4.5) faint.push(`"${text.slice(0, 30)}" ${contrast.toFixed(2)}`)
  }
  return faint
}
