/** Keys that no storage takes are refused before they reach a plugin, and again where it is served. */
import { keyFault } from '../../contract/object-key.ts'
import { WebEncodeError } from '../../errors.ts'

/** @throws WE-STO-002 */
export function refuseBadKey(key: string): void {
  const fault = keyFault(key)
  if (fault === undefined) return
  // Of an http source a key has the query, which may be a signature.
  const shown = JSON.stringify(key.replace(/\?.*/s, '').slice(0, 100))
  throw new WebEncodeError('WE-STO-002', `Cannot use object ${shown}: ${fault}`)
}
