/** The encoders of workers, by the key that their rows bear. */
import type { InstalledEncoder } from '../contract/encoder-routing.ts'
import { type Reader, sql } from './database.ts'
import type { EncoderSet } from './encoder-fit.ts'

/** Finds the encoders that a key stands for; null for no key, and for encoders that are not there any more. */
export type FindEncoders = (key: string | null) => EncoderSet | null

/** Remembers what each key stands for: a fleet has few of them, and a claim must not read the same lists again and again. */
export interface EncoderSets {
  /** Reads those of the keys that are not known yet. */
  read(db: Reader, keys: readonly (string | null)[]): Promise<FindEncoders>
}

/** Keys that are remembered; beyond it, all are read anew. */
const capacity = 1000

export function createEncoderSets(): EncoderSets {
  const known = new Map<string, EncoderSet>()
  return {
    async read(db, keys) {
      const asked = [...new Set(keys)].filter((key) => key !== null)
      const areKnown = asked.every((key) => known.has(key))
      if (!areKnown && known.size + asked.length > capacity) known.clear()
      const missing = asked.filter((key) => !known.has(key))
      if (missing.length > 0) {
        for (const set of await readSets(db, missing)) known.set(set.key, set)
      }
      return (key) => (key === null ? null : known.get(key) ?? null)
    },
  }
}

async function readSets(db: Reader, keys: readonly string[]): Promise<EncoderSet[]> {
  return await db.query<{ key: string; encoders: readonly InstalledEncoder[] }>(sql`
    SELECT DISTINCT ON (encoders_key) encoders_key AS key, encoders
    FROM workers
    WHERE encoders_key = ANY(${keys}::text[])
    ORDER BY encoders_key`)
}
