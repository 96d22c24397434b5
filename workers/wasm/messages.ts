/** What the engine and its threads say to each other. */

/** One run, as the thread gets it. All paths are absolute. */
export interface RunOrder {
  readonly tool: 'ffmpeg' | 'ffprobe'
  readonly arguments: readonly string[]
  readonly workingDirectory: string
  readonly readable: readonly string[]
  readonly writable: readonly string[]
  /** Bytes of standard output to keep: the first ones. */
  readonly maxOutputBytes: number
}

/** What a thread is started with. */
export interface ThreadStart {
  /** Compiled once for all threads; they share its machine code. */
  readonly module: WebAssembly.Module
  readonly order: RunOrder
}

/** The tool ended by itself. */
export interface RunEnd {
  readonly kind: 'end'
  readonly exitCode: number
  readonly stdout: string
  /** There was more than that. */
  readonly isStdoutCut: boolean
  readonly heapBytes: number
}

/** The tool broke: a trap, an abort, a missing file. The thread must not be used again. */
export interface RunFault {
  readonly kind: 'fault'
  readonly message: string
  readonly heapBytes: number
}

/** What a thread posts: text while it works, then one {@link RunEnd} or {@link RunFault}. */
export type ThreadReport =
  | { readonly kind: 'text'; readonly stream: 'stderr' | 'progress'; readonly text: string }
  | RunEnd
  | RunFault
