/** Finds what a plugin started and left behind in its process group, after the plugin itself ended. */
import { readdir, readFile } from 'node:fs/promises'

/**
 * Whether a process of that group still runs. The number alone does not say so, because another group may have it by now: what the
 * plugin started bears the folder of that start in its environment.
 * @returns false where the system has no `/proc`
 */
export async function isGroupLeft(pid: number, runDirectory: string): Promise<boolean> {
  const entries = await readdir('/proc').catch(() => [])
  const members = await Promise.all(
    entries.filter((entry) => /^\d+$/.test(entry)).map(async (entry) =>
      await groupOf(entry) === pid && await hasInEnvironment(entry, runDirectory)
    ),
  )
  return members.includes(true)
}

/** NaN for a process that has gone meanwhile. */
async function groupOf(entry: string): Promise<number> {
  const line = await readText(`/proc/${entry}/stat`)
  // The second field is the program's name in brackets and may hold anything; state, parent and group follow.
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[2])
}

async function hasInEnvironment(entry: string, text: string): Promise<boolean> {
  return (await readText(`/proc/${entry}/environ`)).includes(text)
}

/** Empty for a process that has gone meanwhile, or belongs to somebody else. */
async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}
