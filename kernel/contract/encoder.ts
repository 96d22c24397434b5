/** Pillar 3, encoder: the port that encoder plugins implement, shaped as `encoder.proto`. */

export interface EncoderCapabilities {
  readonly name: 'ffmpeg' | 'wasm'
  readonly version: string
  readonly videoCodecs: readonly string[]
  readonly audioCodecs: readonly string[]
  readonly gpuAccelerated: boolean
  readonly gpuType: 'none' | 'nvidia' | 'intel' | 'amd'
}

/**
 * One run of the encoder. Arguments are FFmpeg's own, without global options, which the plugin adds
 * (`-nostdin`, progress, protocol whitelist). Paths in them are local files or `http(s)` URLs.
 */
export interface EncoderRun {
  readonly taskId: string
  readonly correlationId: string
  readonly tool: 'ffmpeg' | 'ffprobe'
  /** The encoder that the arguments name: whoever runs it must have it. Absent: any will do. */
  readonly videoCodec?: string
  readonly arguments: readonly string[]
  /** Local files that the run reads; a sandboxed encoder mounts these and no others. */
  readonly inputs: readonly string[]
  /** Local files that the run writes. */
  readonly outputs: readonly string[]
  readonly workingDirectory: string
  /** Frames or seconds that make 100 %; absent: no progress. */
  readonly expected?: { readonly frames?: number; readonly durationSeconds?: number }
  readonly timeoutMs: number
  /** `http`/`https` may be read in addition to local files. */
  readonly network?: boolean
  /** Bytes of standard output to keep. @default 64 MiB for ffprobe, 0 for ffmpeg */
  readonly maxOutputBytes?: number
}

export interface EncoderProgress {
  /** 0 to 1; absent when the total is not known. */
  readonly fraction?: number
  readonly frame?: number
  readonly fps?: number
  readonly speed?: number
  readonly outTimeSeconds?: number
}

/** How a run ended. A value, never a throw. */
export type EncoderOutcome =
  & {
    readonly stdout: string
    readonly stderr: string
    readonly wallMs: number
    readonly frames?: number
  }
  & (
    | { readonly status: 'finished' }
    | {
      readonly status: 'failed'
      readonly exitCode: number | null
      readonly signal: string | null
    }
    | { readonly status: 'cancelled' }
    | { readonly status: 'timedOut' }
  )

/** Runs FFmpeg, natively or otherwise. */
export interface EncoderEngine {
  getCapabilities(): Promise<EncoderCapabilities>
  /** Runs to the end; `onProgress` about twice a second. Aborting the signal kills the whole process group. */
  run(
    run: EncoderRun,
    options?: { signal?: AbortSignal; onProgress?: (progress: EncoderProgress) => void },
  ): Promise<EncoderOutcome>
  close(): Promise<void>
}
