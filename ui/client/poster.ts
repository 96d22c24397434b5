/** The picture of a video that waits to be played: one from its middle, because many begin in black. */

/** Widest picture in pixels; more is not seen in the page. */
const widestPx = 1280
/** Longest wait for the picture; a slow line is needed for other things. */
const longestWaitMs = 20_000

const known = new WeakSet<HTMLVideoElement>()

function lookForVideos(): void {
  for (const video of document.querySelectorAll<HTMLVideoElement>('video[data-poster]')) {
    if (known.has(video)) continue
    known.add(video)
    // A video that cannot be read here keeps the picture that it shows by itself.
    pictureFrom(video.dataset['poster'] ?? '').then((url) => show(video, url), () => {})
  }
}

/** Never over what a person has begun to watch. */
function show(video: HTMLVideoElement, pictureUrl: string): void {
  if (!video.paused || video.played.length > 0 || video.seeking) return
  video.poster = pictureUrl
  // A poster is shown until the first seek; the source in the page has one, for browsers without scripts.
  video.src = video.dataset['poster'] ?? ''
}

/** The middle of a video as a picture, read with a second element so that the first stays at its beginning. */
async function pictureFrom(url: string): Promise<string> {
  const video = document.createElement('video')
  video.muted = true
  video.preload = 'metadata'
  const late = AbortSignal.timeout(longestWaitMs)
  try {
    const seekable = happened(video, 'loadedmetadata', late)
    video.src = url
    await seekable
    const sought = happened(video, 'seeked', late)
    video.currentTime = video.duration / 2
    await sought
    return await drawn(video)
  } finally {
    video.removeAttribute('src')
    video.load()
  }
}

function happened(video: HTMLVideoElement, type: string, late: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    video.addEventListener(type, resolve, { once: true })
    video.addEventListener('error', reject, { once: true })
    late.addEventListener('abort', reject, { once: true })
  })
}

/** @throws SecurityError of a video that came from another server, such as a bucket */
function drawn(video: HTMLVideoElement): Promise<string> {
  const canvas = document.createElement('canvas')
  const scale = Math.min(1, widestPx / video.videoWidth)
  canvas.width = Math.round(video.videoWidth * scale)
  canvas.height = Math.round(video.videoHeight * scale)
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) =>
        blob === null ? reject(new Error('No picture')) : resolve(URL.createObjectURL(blob)),
      'image/jpeg',
      0.85,
    )
  })
}

document.addEventListener('htmx:after:swap', lookForVideos)
lookForVideos()
