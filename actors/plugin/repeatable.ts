/** Which methods of the five pillars may be called twice for one request: they read, or do the same again. */

/**
 * Not among them: `Upload` and `StartIngest`, whose input is gone; `Transcode`, which costs minutes; `RefreshToken`, which uses its
 * token up; `PublishVOD`, which would publish twice; and whatever is unknown here.
 */
const repeatable: ReadonlySet<string> = new Set([
  'Authenticate',
  'Authorize',
  'GetUserProfile',
  'ListUsers',
  'Logout',
  'Download',
  'Delete',
  'GetURL',
  'GetUploadURL',
  'ListObjects',
  'GetObjectMetadata',
  'GetCapabilities',
  'BrowseRoots',
  'Browse',
  'OnPublishAttempt',
  'StreamTelemetry',
  'StopIngest',
  'UpdateMetadata',
])

/** Whether a call of this method that failed may be made again. */
export function isRepeatable(method: string): boolean {
  return repeatable.has(method)
}
