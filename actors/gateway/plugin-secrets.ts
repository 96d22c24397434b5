/** Keeps secrets out of stored configurations: they hold references, in fields that end in `_ref`. */
import { WebEncodeError } from '../../kernel/errors.ts'

const secretName =
  /(^|_)(secret|password|passwd|passphrase|token|api_?key|private_key|secret_key|secret_access_key)$/i

/** @throws WE-PLG-003 with `path` when a field is named like a secret and holds text */
export function mustReferToSecrets(pluginId: string, value: unknown, path = ''): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, part] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`
    if (secretName.test(name) && typeof part === 'string' && part !== '') {
      const problem =
        `Cannot configure "${pluginId}": ${at} is a secret and must not be stored; name it in ${at}_ref`
      throw new WebEncodeError('WE-PLG-003', problem, { path: at })
    }
    mustReferToSecrets(pluginId, part, at)
  }
}
