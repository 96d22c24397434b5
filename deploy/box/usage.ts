/** What the data folder holds, and for how long, as the dashboard shows it. */
import type { Config } from '../../kernel/config.ts'
import type { FsStorage } from '../../plugins/storage-fs/storage.ts'
import type { StorageGroup, StorageUsage } from '../../ui/deps.ts'

type KeepSettings = Pick<Config, 'keepJobsDays' | 'keepUploadsHours' | 'keepLogsDays'>

/** Counts the stored objects by what they are. */
export async function readUsage(
  usage: FsStorage['usage'],
  keep: KeepSettings,
): Promise<StorageUsage> {
  const { entries, freeBytes } = await usage(groupOf)
  const bytesOf = new Map(entries.map(({ prefix, bytes }) => [prefix, bytes]))
  const groups: StorageGroup[] = [
    {
      name: 'Outputs',
      bytes: bytesOf.get('outputs') ?? 0,
      keptFor: spanOf(keep.keepJobsDays, 'd'),
    },
    {
      name: 'Uploads',
      bytes: bytesOf.get('uploads') ?? 0,
      keptFor: spanOf(keep.keepUploadsHours, 'h'),
    },
    { name: 'Logs', bytes: bytesOf.get('logs') ?? 0, keptFor: spanOf(keep.keepLogsDays, 'd') },
    { name: 'Intermediates', bytes: bytesOf.get('work') ?? 0, keptFor: 'while their job runs' },
  ]
  return { usedBytes: groups.reduce((sum, { bytes }) => sum + bytes, 0), freeBytes, groups }
}

/** Keys are `uploads/…`, `jobs/<id>/out/…`, `jobs/<id>/logs/…` and `jobs/<id>/work/…`. */
function groupOf(key: string): string {
  if (key.startsWith('uploads/')) return 'uploads'
  const part = key.split('/')[2]
  return part === 'out' ? 'outputs' : part === 'logs' ? 'logs' : 'work'
}

function spanOf(length: number, unit: 'd' | 'h'): string {
  return length === 0 ? 'for ever' : `${length} ${unit}`
}
