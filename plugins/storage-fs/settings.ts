/** The configuration of the plugin with its types. */

/** What an admin sets; the kernel has checked it against the schema of the manifest. */
export interface Settings {
  readonly root: string
  readonly mediaRoots: readonly string[]
  readonly host: string
  readonly port: number
  /** Empty: the address that is listened at. */
  readonly publicUrl: string
  readonly signingKeyRef: string | undefined
  readonly localWorkers: boolean
}

export function parseSettings(config: Readonly<Record<string, unknown>>): Settings {
  const text = (name: string) => typeof config[name] === 'string' ? config[name] : undefined
  const { media_roots: roots } = config
  const [host = '127.0.0.1', port = '0'] = (text('listen') ?? '').split(':')
  return {
    root: text('root') ?? '',
    mediaRoots: Array.isArray(roots) ? roots.map(String) : [],
    host,
    port: Number(port),
    publicUrl: text('public_url') ?? '',
    signingKeyRef: text('signing_key_ref'),
    localWorkers: config['local_workers'] === true,
  }
}
