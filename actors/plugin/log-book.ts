/** The last log lines of each plugin, over all its processes, and who wants to hear of new ones. */
import type { PluginLogLine } from '../../kernel/contract/plugin.ts'

/** Lines that are kept of one plugin. */
const mostLines = 500

export interface LogBook {
  add(pluginId: string, line: PluginLogLine): void
  /** The last lines, oldest first. */
  read(pluginId: string, limit: number): readonly PluginLogLine[]
}

/** @param onLine - called for every new line */
export function createLogBook(onLine: (pluginId: string) => void): LogBook {
  const books = new Map<string, PluginLogLine[]>()
  return {
    add(pluginId, line) {
      const lines = books.get(pluginId) ?? []
      lines.push(line)
      if (lines.length > mostLines) lines.splice(0, lines.length - mostLines)
      books.set(pluginId, lines)
      onLine(pluginId)
    },
    read: (pluginId, limit) => (books.get(pluginId) ?? []).slice(-limit),
  }
}
