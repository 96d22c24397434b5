/** What an admin does with plugins of a running product, and how long that may take. */
import assert from 'node:assert/strict'
import { systemClock } from '../../kernel/clock.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import type { Product } from './product.ts'

/** Asks, and expects that it is granted. */
export async function send(
  product: Product,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const answer = await product.fetch(path, {
    method,
    ...body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
  })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
  return answer
}

/** Waits until the plugin is as it should be. */
export async function reaches(
  product: Product,
  id: string,
  isRight: (plugin: PluginView) => boolean,
): Promise<PluginView> {
  const giveUpAt = Date.now() + 60_000
  for (;;) {
    const plugin = await (await send(product, 'GET', `/v1/plugins/${id}`)).json() as PluginView
    if (isRight(plugin)) return plugin
    assert.ok(Date.now() < giveUpAt, `still ${plugin.state}: ${plugin.problem}`)
    await systemClock.sleep(100)
  }
}

/** Configures a plugin, enables it, and waits until it serves. */
export async function enable(product: Product, id: string, config: object): Promise<void> {
  await send(product, 'PUT', `/v1/plugins/${id}/config`, { config })
  await send(product, 'POST', `/v1/plugins/${id}/enable`)
  await reaches(product, id, ({ state }) => state === 'healthy')
}
