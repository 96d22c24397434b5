/** The .proto files against what the specification says of the five pillars: plugins that know only that must work. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSync } from '@grpc/proto-loader'
import { protoDirectory } from './services.ts'

/** Methods and fields of the specification, sections 7.1 to 7.5. */
const specified = {
  auth: [
    'Authenticator.Authenticate: AuthRequest → AuthResponse',
    'Authenticator.Authorize: AuthZRequest → AuthZResponse',
    'Authenticator.GetUserProfile: GetUserProfileRequest → UserProfile',
    'Authenticator.ListUsers: ListUsersRequest → ListUsersResponse',
    'Authenticator.RefreshToken: RefreshTokenRequest → AuthResponse',
    'Authenticator.Logout: LogoutRequest → Empty',
    'AuthRequest: 1 string token, 2 string scheme, 3 string client_ip, 4 string user_agent',
    'AuthResponse: 1 bool valid, 2 string user_id, 3 string username, 4 string email, 5 string role, 6 map metadata, 7 int64 expires_at_unix, 8 string access_token, 9 string refresh_token',
    'AuthZRequest: 1 string user_id, 2 string action, 3 string resource_type, 4 string resource_id',
    'AuthZResponse: 1 bool allowed, 2 string reason',
    'GetUserProfileRequest: 1 string user_id',
    'UserProfile: 1 string user_id, 2 string username, 3 string email, 4 string display_name, 5 string role, 6 string avatar_url, 7 int64 created_at_unix, 8 int64 last_login_unix, 9 map preferences',
    'ListUsersRequest: 1 int32 page, 2 int32 page_size, 3 string role_filter',
    'ListUsersResponse: 1 repeated UserProfile users, 2 int32 total_count, 3 int32 page',
    'RefreshTokenRequest: 1 string refresh_token',
    'LogoutRequest: 1 string user_id, 2 string session_id, 3 bool all_sessions',
    'Empty:',
  ],
  storage: [
    'StorageProvider.Upload: stream FileChunk → UploadSummary',
    'StorageProvider.Download: FileRequest → stream FileChunk',
    'StorageProvider.Delete: FileRequest → Empty',
    'StorageProvider.GetURL: SignedUrlRequest → SignedUrlResponse',
    'StorageProvider.GetUploadURL: SignedUrlRequest → SignedUrlResponse',
    'StorageProvider.ListObjects: ListObjectsRequest → ListObjectsResponse',
    'StorageProvider.GetObjectMetadata: FileRequest → ObjectMetadata',
    'StorageProvider.GetCapabilities: Empty → StorageCapabilities',
    'StorageProvider.BrowseRoots: Empty → BrowseRootsResponse',
    'StorageProvider.Browse: BrowseRequest → BrowseResponse',
    'FileChunk: 1 FileMetadata metadata, 2 bytes data',
    'FileMetadata: 1 string bucket, 2 string path, 3 int64 size, 4 string content_type',
    'UploadSummary: 1 string url, 2 int64 size, 3 string etag',
    'FileRequest: 1 string bucket, 2 string path',
    'SignedUrlRequest: 1 string bucket, 2 string object_key, 3 int64 expiry_seconds, 4 string content_type, 5 string method',
    'SignedUrlResponse: 1 string url, 2 map headers, 3 int64 expires_at',
    'ListObjectsRequest: 1 string bucket, 2 string prefix, 3 string delimiter, 4 int32 max_keys, 5 string continuation_token',
    'ListObjectsResponse: 1 repeated ObjectInfo objects, 2 repeated string common_prefixes, 3 string next_continuation_token, 4 bool is_truncated',
    'ObjectInfo: 1 string key, 2 int64 size, 3 string etag, 4 int64 last_modified, 5 string storage_class',
    'ObjectMetadata: 1 string key, 2 int64 size, 3 string content_type, 4 string etag, 5 int64 last_modified, 6 map user_metadata',
    'StorageCapabilities: 1 bool supports_browse, 2 bool supports_upload, 3 bool supports_signed_urls, 4 bool supports_streaming, 5 string storage_type',
    'BrowseRootsResponse: 1 repeated BrowseEntry roots',
    'BrowseRequest: 1 string path, 2 bool show_hidden, 3 bool media_only, 4 string search_query',
    'BrowseResponse: 1 string current_path, 2 string parent_path, 3 repeated BrowseEntry entries',
    'BrowseEntry: 1 string name, 2 string path, 3 bool is_directory, 4 int64 size, 5 int64 mod_time, 6 string extension, 7 bool is_video, 8 bool is_audio, 9 bool is_image',
  ],
  encoder: [
    'EncoderEngine.GetCapabilities: Empty → Capabilities',
    'EncoderEngine.Transcode: TaskSpec → stream TaskProgress',
    'Capabilities: 1 repeated string video_codecs, 2 repeated string audio_codecs, 3 bool gpu_accelerated, 4 string gpu_type',
    'TaskSpec: 1 string task_id, 2 string input_url, 3 string output_url, 4 string video_codec, 5 int32 bitrate_k, 6 double start_time, 7 double duration',
    'TaskProgress: 1 string task_id, 2 float percent, 3 double speed, 4 int32 fps',
  ],
  live: [
    'LiveEngine.StartIngest: IngestConfig → stream EngineStatus',
    'LiveEngine.OnPublishAttempt: StreamContext → Decision',
    'LiveEngine.StreamTelemetry: Empty → stream TelemetryBatch',
    'LiveEngine.StopIngest: StopRequest → Empty',
    'IngestConfig: 1 int32 port, 2 string protocol, 3 string stream_key',
    'TelemetryBatch: 1 string stream_key, 2 int32 video_bitrate, 3 int32 audio_bitrate, 4 double fps',
  ],
  publisher: [
    'Publisher.PublishVOD: PublishRequest → PublishResult',
    'Publisher.UpdateMetadata: UpdateRequest → UpdateResult',
    'PublishRequest: 1 string local_object_key, 2 string title, 3 string description, 4 string platform, 5 string privacy',
    'PublishResult: 1 bool success, 2 string public_url, 3 string platform_id',
  ],
} as const

interface Field {
  readonly name: string
  readonly number: number
  readonly label: string
  readonly type: string
  readonly typeName: string
}
interface Message {
  readonly name: string
  readonly field: readonly Field[]
  readonly nestedType: readonly { readonly name: string }[]
}

function fieldText({ name, number, label, type, typeName }: Field, nested: readonly string[]) {
  const kind = typeName.split('.').at(-1) || type.replace('TYPE_', '').toLowerCase()
  const isMap = nested.includes(kind)
  const words = isMap ? ['map'] : [...label === 'LABEL_REPEATED' ? ['repeated'] : [], kind]
  return [number, ...words, name].join(' ')
}

/** Fields from 16 on are the kernel's own additions. */
function messageText({ name, field, nestedType }: Message): string {
  const nested = nestedType.map((type) => type.name)
  const fields = field.filter(({ number }) => number < 16)
    .toSorted((a, b) => a.number - b.number)
    .map((one) => fieldText(one, nested))
  return `${name}: ${fields.join(', ')}`.trim()
}

/** All that a file says, in the words of the table. */
function textsOf(pillar: string): string[] {
  const loaded = loadSync(join(protoDirectory, `${pillar}.proto`), { keepCase: true })
  return Object.entries(loaded).flatMap(([path, found]) => {
    if ('type' in found) return [messageText(found.type as Message)]
    return Object.entries(found).map(([method, one]) => {
      const said = (streams: boolean, { type }: { type: object }) =>
        (streams ? 'stream ' : '') + (type as Message).name
      const asked = said(one.requestStream, one.requestType)
      return `${path.split('.').at(-1)}.${method}: ${asked} → ${
        said(one.responseStream, one.responseType)
      }`
    })
  })
}

for (const [pillar, lines] of Object.entries(specified)) {
  test(`${pillar}.proto has every method and field of the specification`, () => {
    const ours = new Set(textsOf(pillar))
    assert.deepEqual(lines.filter((line) => !ours.has(line)), [])
  })
}
