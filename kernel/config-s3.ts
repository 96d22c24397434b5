/** The environment variables of media in an S3 bucket: part of the table of `config.ts`. */
import { integer, secretText, text, url, type Variable } from './config-values.ts'

/** Described as those of `config.ts`. */
export const s3Variables = {
  s3Bucket: {
    name: 'WEBENCODE_S3_BUCKET',
    description: 'Bucket of an S3 server that keeps the media in place of the data folder.',
    kind: text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'be the name of a bucket'),
    presetShown: 'none: the data folder',
  },
  s3Endpoint: {
    name: 'WEBENCODE_S3_ENDPOINT',
    description: 'Address of the S3 server: SeaweedFS, MinIO, R2 or another.',
    kind: url(['http:', 'https:']),
    presetShown: 'AWS in the region',
  },
  s3PublicEndpoint: {
    name: 'WEBENCODE_S3_PUBLIC_ENDPOINT',
    description: 'Address under which workers and browsers reach the S3 server.',
    kind: url(['http:', 'https:']),
    presetShown: 'the endpoint',
  },
  s3Region: {
    name: 'WEBENCODE_S3_REGION',
    description: 'Region of the bucket.',
    kind: text(/^[a-z0-9-]{1,64}$/, 'be 1 to 64 lower-case letters, digits or dashes'),
    preset: 'us-east-1',
  },
  s3AccessKeyId: {
    name: 'WEBENCODE_S3_ACCESS_KEY_ID',
    description: 'Access key for the bucket.',
    kind: secretText(1),
    presetShown: 'none',
  },
  s3SecretAccessKey: {
    name: 'WEBENCODE_S3_SECRET_ACCESS_KEY',
    description: 'Secret of the access key.',
    kind: secretText(1),
    presetShown: 'none',
    secret: true,
  },
  s3SignedUrlSeconds: {
    name: 'WEBENCODE_S3_SIGNED_URL_SECONDS',
    description: 'Longest life of a URL that the bucket is read or written with.',
    kind: integer(60, 604_800),
    preset: '604800',
  },
} as const satisfies Record<string, Variable>
