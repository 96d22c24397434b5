/** Live topics of plugins: their list, each with its state, and the last log lines of each in this kernel. */
import { leastRole } from '../contract/access.ts'
import type { PluginDirectory } from '../plugin-desk.ts'
import { pluginLogsTopic, pluginsTopic, pluginTopic, type TopicFamily } from './live-topic.ts'

const restMs = 1000
const logRestMs = 500
/** Log lines that an update carries. */
const logLines = 50

/** The topics, read from what is known of plugins. Never a configuration: everybody who is signed in may watch. */
export function pluginFamilies(plugins: PluginDirectory): TopicFamily[] {
  return [
    {
      has: (topic) => topic === pluginsTopic,
      access: leastRole('plugin', 'read'),
      restMs,
      read: async () => new Map([[pluginsTopic, await plugins.list()]]),
    },
    {
      has: (topic) => idOf(topic, 'updates') !== undefined,
      access: leastRole('plugin', 'read'),
      restMs,
      read: async (_, topics) => {
        const known = new Map((await plugins.list()).map((view) => [pluginTopic(view.id), view]))
        return new Map(topics.flatMap((topic) => {
          const view = known.get(topic)
          return view === undefined ? [] : [[topic, view]]
        }))
      },
    },
    {
      has: (topic) => idOf(topic, 'logs') !== undefined,
      access: leastRole('plugin-log', 'read'),
      restMs: logRestMs,
      read: async (_, topics) => {
        const known = new Set((await plugins.list()).map(({ id }) => pluginLogsTopic(id)))
        const linesOf = (topic: string) => plugins.logs(idOf(topic, 'logs') ?? '', logLines)
        return new Map(
          topics.filter((topic) => known.has(topic)).map((topic) => [
            topic,
            { lines: linesOf(topic) },
          ]),
        )
      },
    },
  ]
}

function idOf(topic: string, kind: 'updates' | 'logs'): string | undefined {
  const [, id, found] = /^plugin:([A-Za-z0-9._-]{1,100}):(updates|logs)$/.exec(topic) ?? []
  return found === kind ? id : undefined
}
