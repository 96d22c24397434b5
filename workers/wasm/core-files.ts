/** Shows files of the disk to FFmpeg's WebAssembly build under their own paths: these files and no others. */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** The part of Emscripten's file system that is used here. */
export interface CoreFiles {
  ignorePermissions: boolean
  readonly streams: CoreStream[]
  readonly ErrnoError: new (errno: number) => Error
  mkdirTree(path: string, mode?: number): void
  chmod(path: string, mode: number): void
  chdir(path: string): void
  create(path: string, mode: number): CoreNode
}

interface CoreNode {
  readonly id: number
  readonly mode: number
  node_ops: NodeOperations
  stream_ops: StreamOperations
}

interface NodeOperations {
  getattr(node: CoreNode): object
  setattr(node: CoreNode, attributes: { readonly size?: number }): void
}

interface CoreStream {
  readonly flags: number
  readonly position: number
  nativeFd?: number
  stream_ops: StreamOperations
}

interface StreamOperations {
  open?(stream: CoreStream): void
  close?(stream: CoreStream): void
  read?(stream: CoreStream, heap: Int8Array, at: number, length: number, position: number): number
  write?(stream: CoreStream, heap: Int8Array, at: number, length: number, position: number): number
  llseek?(stream: CoreStream, offset: number, whence: number): number
}

/** Numbers of the errors in Emscripten's C library. */
const errnos: Record<string, number> = {
  EACCES: 2,
  EFBIG: 22,
  EINVAL: 28,
  EISDIR: 31,
  EMFILE: 33,
  ENOENT: 44,
  ENOSPC: 51,
  ENOTDIR: 54,
  EPERM: 63,
  EROFS: 69,
  EDQUOT: 19,
}
const unknownErrno = 29 // EIO

const standardFolders = ['/', '/tmp', '/home', '/home/web_user', '/dev/shm', '/dev/shm/tmp']
const accessMask = 3

/** What FFmpeg gets to see. Paths are absolute. */
export interface VisibleFiles {
  readonly readable: readonly string[]
  readonly writable: readonly string[]
  readonly workingDirectory: string
}

/**
 * Makes the files visible and everything else read-only, so that a file which was not declared cannot
 * be written into memory and get lost. Nothing is opened before FFmpeg does.
 */
export function showFiles(files: CoreFiles, visible: VisibleFiles): void {
  files.ignorePermissions = true
  const modes = new Map(visible.readable.map((path) => [path, 0o444]))
  for (const path of visible.writable) modes.set(path, 0o666)
  for (const [path, mode] of modes) showFile(files, path, mode)
  files.mkdirTree(visible.workingDirectory, 0o555)
  files.chdir(visible.workingDirectory)
  for (const folder of standardFolders) files.chmod(folder, 0o555)
  files.ignorePermissions = false
}

/** A file at `path` whose bytes go to `receive`. */
export function showSink(files: CoreFiles, path: string, receive: (bytes: Uint8Array) => void) {
  files.create(path, 0o666).stream_ops = sinkOperations(receive)
}

/** Sends what FFmpeg writes to a standard stream to `receive`. */
export function redirect(files: CoreFiles, fd: 1 | 2, receive: (bytes: Uint8Array) => void): void {
  const stream = files.streams[fd]
  if (stream === undefined) throw new TypeError(`FFmpeg has no standard stream ${fd}`)
  stream.stream_ops = sinkOperations(receive)
}

function showFile(files: CoreFiles, path: string, mode: number): void {
  files.mkdirTree(dirname(path), 0o555)
  const node = files.create(path, mode)
  node.node_ops = nodeOperations(files, path)
  node.stream_ops = diskOperations(files, path)
}

function nodeOperations(files: CoreFiles, path: string): NodeOperations {
  return {
    getattr(node) {
      const stat = statSync(path, { throwIfNoEntry: false })
      const [size, mtime] = [stat?.size ?? 0, stat?.mtime ?? new Date(0)]
      const times = { atime: mtime, mtime, ctime: mtime }
      const owner = { dev: 1, ino: node.id, nlink: 1, uid: 0, gid: 0, rdev: 0 }
      return {
        ...owner,
        ...times,
        mode: node.mode,
        size,
        blksize: 4096,
        blocks: Math.ceil(size / 4096),
      }
    },
    setattr(_node, { size }) {
      if (size === undefined) return
      attempt(files, () => {
        const fd = openSync(path, constants.O_RDWR | constants.O_CREAT)
        ftruncateSync(fd, size)
        closeSync(fd)
      })
    },
  }
}

function diskOperations(files: CoreFiles, path: string): StreamOperations {
  return {
    open(stream) {
      const access = stream.flags & accessMask
      const create = access === constants.O_RDONLY ? 0 : constants.O_CREAT
      stream.nativeFd = attempt(files, () => openSync(path, access | create))
    },
    close(stream) {
      attempt(files, () => closeSync(fdOf(stream)))
    },
    read(stream, heap, at, length, position) {
      const bytes = new Uint8Array(heap.buffer, heap.byteOffset + at, length)
      return attempt(files, () => readSync(fdOf(stream), bytes, 0, length, position))
    },
    write(stream, heap, at, length, position) {
      const bytes = new Uint8Array(heap.buffer, heap.byteOffset + at, length)
      return attempt(files, () => writeSync(fdOf(stream), bytes, 0, length, position))
    },
    llseek(stream, offset, whence) {
      const base = whence === 0 ? 0 : whence === 1 ? stream.position : fstatSync(fdOf(stream)).size
      if (base + offset < 0) throw new files.ErrnoError(errnos['EINVAL'] ?? unknownErrno)
      return base + offset
    },
  }
}

/** The heap is reused by FFmpeg, so the receiver gets a copy. */
function sinkOperations(receive: (bytes: Uint8Array) => void): StreamOperations {
  return {
    write(_stream, heap, at, length) {
      receive(new Uint8Array(heap.slice(at, at + length).buffer))
      return length
    },
  }
}

function fdOf(stream: CoreStream): number {
  if (stream.nativeFd === undefined) throw new TypeError('A file was used before it was opened')
  return stream.nativeFd
}

/** Does `work`; a failure of the system becomes one that FFmpeg understands. */
function attempt<T>(files: CoreFiles, work: () => T): T {
  try {
    return work()
  } catch (failure) {
    const code = failure instanceof Error && 'code' in failure ? String(failure.code) : ''
    throw new files.ErrnoError(errnos[code] ?? unknownErrno)
  }
}
