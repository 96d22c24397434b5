/** Loads FFmpeg's WebAssembly build into the thread that calls it, and runs it. */
import type { CoreFiles } from './core-files.ts'

interface FfmpegCore {
  readonly FS: CoreFiles
  readonly HEAP8: Int8Array
  /** Exit code that ffmpeg left; -1 until it did. */
  readonly ret: number
  stringsToPtr(strings: readonly string[]): number
  _ffmpeg(count: number, strings: number): number
  _ffprobe(count: number, strings: number): number
}

interface CoreScript {
  readonly default: (options: {
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ): object
  }) => Promise<FfmpegCore>
}

/** A loaded FFmpeg. It keeps the options of a run in globals, so it is good for one run only. */
export interface LoadedCore {
  readonly files: CoreFiles
  /** Bytes of its heap; at most {@link maxHeapBytes}. */
  heapBytes(): number
  /**
   * Runs a tool to its end and answers the exit code.
   * @throws the trap or abort when the tool broke
   */
  call(tool: 'ffmpeg' | 'ffprobe', toolArguments: readonly string[]): number
}

/** A 32-bit build cannot address more, and this one is linked with half of that. */
export const maxHeapBytes = 2 ** 31

/** Where the compiled code of FFmpeg lies. */
export const coreBinaryUrl = new URL(import.meta.resolve('@ffmpeg/core/wasm'))

/** Loads FFmpeg. `module` is what {@link coreBinaryUrl} compiles to. */
export async function loadCore(module: WebAssembly.Module): Promise<LoadedCore> {
  pretendToBeWebWorker()
  const script: CoreScript = await import(import.meta.resolve('@ffmpeg/core'))
  const core = await script.default({
    instantiateWasm(imports, receive) {
      receive(new WebAssembly.Instance(module, imports))
      return {}
    },
  })
  return {
    files: core.FS,
    heapBytes: () => core.HEAP8.length,
    call: (tool, toolArguments) => call(core, tool, [tool, ...toolArguments]),
  }
}

/**
 * The script asks for `self.location` as in a browser. Its sockets would be WebSockets: without that
 * class it has no way to the network.
 */
function pretendToBeWebWorker(): void {
  Reflect.deleteProperty(globalThis, 'WebSocket')
  const location = { value: { href: 'file:///' }, configurable: true }
  if (!('self' in globalThis)) Object.defineProperty(globalThis, 'self', { value: globalThis })
  if (!('location' in globalThis) || globalThis.location === undefined) {
    Object.defineProperty(globalThis, 'location', location)
  }
}

/** ffprobe returns its exit code, or aborts with one left in `ret`, as ffmpeg always does. */
function call(core: FfmpegCore, tool: 'ffmpeg' | 'ffprobe', line: readonly string[]): number {
  try {
    return core[`_${tool}`](line.length, core.stringsToPtr(line))
  } catch (failure) {
    if (core.ret === -1) throw failure
    return core.ret
  }
}
