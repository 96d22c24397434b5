/** An S3 bucket behind the storage pillar, as a process of its own. */
import { z } from 'zod'
import { definePlugin } from '../../kernel/plugin/sdk.ts'
import { createS3Storage } from './storage.ts'

const configSchema = z.object({
  endpoint: z.string().optional(),
  public_endpoint: z.string().optional(),
  region: z.string().optional(),
  bucket: z.string(),
  access_key_id_ref: z.string(),
  secret_access_key_ref: z.string(),
  use_ssl: z.boolean().optional(),
  force_path_style: z.boolean().optional(),
  signed_url_expiry_seconds: z.int().optional(),
})

await definePlugin({
  pillar: 'storage',
  async implement({ configOf, secrets, log }) {
    const config = configOf(configSchema)
    const [accessKeyId, secretAccessKey] = await Promise.all([
      secrets.resolve(config.access_key_id_ref),
      secrets.resolve(config.secret_access_key_ref),
    ])
    const { endpoint, public_endpoint, region, use_ssl, force_path_style } = config
    const { signed_url_expiry_seconds } = config
    return createS3Storage({
      bucket: config.bucket,
      accessKeyId,
      secretAccessKey,
      ...(endpoint !== undefined && { endpoint }),
      ...(public_endpoint !== undefined && { publicEndpoint: public_endpoint }),
      ...(region !== undefined && { region }),
      ...(use_ssl !== undefined && { useSsl: use_ssl }),
      ...(force_path_style !== undefined && { forcePathStyle: force_path_style }),
      ...(signed_url_expiry_seconds !== undefined && {
        signedUrlExpirySeconds: signed_url_expiry_seconds,
      }),
    }, log)
  },
  async selfTest(storage) {
    await storage.check()
    return []
  },
  close: (storage) => storage.close(),
})
