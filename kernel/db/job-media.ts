/** The flat facts of a job's source and plan that people read, made from the stored plan. */
import type { JobView } from '../contract/job.ts'
import type { PlanFacts } from '../contract/task.ts'

/**
 * `format`, `duration_seconds`, `size_bytes`, `total_frames`, and where the source has them `video_codec`, `width`,
 * `height`, `fps`, `rotation`, `is_hdr`, `audio_codec`, `audio_channels`, `audio_sample_rate_hz`, `audio_tracks`.
 */
export function mediaFrom(plan: PlanFacts): NonNullable<JobView['media']> {
  const { source } = plan
  const [audio] = source.audio
  return {
    format: source.format,
    duration_seconds: plan.durationSeconds,
    size_bytes: source.sizeBytes ?? null,
    total_frames: plan.totalFrames,
    ...(source.video && {
      video_codec: source.video.codec,
      width: source.video.width,
      height: source.video.height,
      fps: source.video.averageFps ?? null,
      rotation: source.video.rotation,
      is_hdr: source.video.isHdr,
    }),
    ...(audio && {
      audio_codec: audio.codec,
      audio_channels: audio.channels,
      audio_sample_rate_hz: audio.sampleRateHz,
      audio_tracks: source.audio.length,
    }),
  }
}
