/** What is announced of a plugin: a doorbell for its kernel, news for pages and the audit. */
import type { EffectParams } from '../../kernel/contract/effect.ts'
import type { PluginContext } from './model.ts'

/** The `announce` effect: which plugin, in which kernel, and what is wrong. */
export function announce(topic: `plugin.${string}`) {
  return {
    type: 'announce' as const,
    params: ({ context }: { readonly context: PluginContext }): EffectParams<'announce'> => ({
      topic,
      data: {
        plugin_id: context.pluginId,
        kernel_id: context.kernelId,
        version: context.version,
        run: context.run,
        problem: context.upgrade?.problem ?? context.problem,
      },
    }),
  }
}
