/** How much of the fleet each owner may have, compared with others; an owner without a row has weight 1. */
import { type Database, type Reader, sql } from './database.ts'

export interface OwnerWeight {
  readonly owner: string
  readonly weight: number
}

/** Owners with a weight of their own, by name. */
export async function listOwnerWeights(db: Reader): Promise<OwnerWeight[]> {
  return await db.query<OwnerWeight>(sql`SELECT owner, weight FROM owner_weights ORDER BY owner`)
}

/** Sets a weight; 1 is what everybody has, and leaves no row. */
export async function writeOwnerWeight(
  db: Database,
  { owner, weight }: OwnerWeight,
): Promise<void> {
  await db.query(
    weight === 1 ? sql`DELETE FROM owner_weights WHERE owner = ${owner}` : sql`
      INSERT INTO owner_weights (owner, weight) VALUES (${owner}, ${weight})
      ON CONFLICT (owner) DO UPDATE SET weight = excluded.weight, updated_at = now()`,
  )
}
