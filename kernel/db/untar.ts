/** Unpacks a gzipped tar, such as the database template, straight to disk: nothing of it is kept in memory. */
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream'

/** Everything in a tar comes in blocks of this many bytes. */
const blockBytes = 512

interface Entry {
  readonly name: string
  readonly isDirectory: boolean
  readonly sizeBytes: number
}

/**
 * Unpacks files and directories below `directory`, readable by the owner only.
 * @param options.maxBytes - of all files together
 * @throws TypeError for an entry that would lie outside; RangeError above `maxBytes`; Error for a file that is not a gzipped tar, or is cut short
 */
export async function untar(
  file: string,
  directory: string,
  { maxBytes = Infinity }: { readonly maxBytes?: number } = {},
): Promise<void> {
  let totalBytes = 0
  const blocks = blocksOf(file)
  for (
    let header = await blocks.read(blockBytes);
    header !== undefined;
    header = await blocks.read(blockBytes)
  ) {
    const entry = entryFrom(header)
    if (entry === undefined) return await blocks.drain()
    const path = pathOf(directory, entry.name)
    totalBytes += entry.sizeBytes
    if (totalBytes > maxBytes) {
      throw new RangeError(`Cannot unpack "${entry.name}": all files may have ${maxBytes} bytes`)
    }
    if (entry.isDirectory) {
      await mkdir(path, { recursive: true, mode: 0o700 })
    } else {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await writeEntry(path, entry.sizeBytes, blocks)
    }
  }
  throw new Error(`Cannot unpack "${file}": it ends before its last entry`)
}

/** The fields of a ustar header that matter: https://www.gnu.org/software/tar/manual/html_node/Standard.html; undefined at the end. */
function entryFrom(header: Buffer): Entry | undefined {
  if (header[0] === 0) return undefined
  const text = (start: number, length: number) =>
    header.toString('utf8', start, start + length).replace(/\0.*$/s, '')
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : ''
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
  const sizeBytes = Number.parseInt(text(124, 12).trim(), 8)
  if (!Number.isSafeInteger(sizeBytes)) {
    throw new Error(`Cannot unpack "${name}": its size must be an octal number`)
  }
  return { name, isDirectory: text(156, 1) === '5', sizeBytes }
}

function pathOf(directory: string, name: string): string {
  if (name.split('/').includes('..')) {
    throw new TypeError(`Cannot unpack "${name}": it must lie below the directory`)
  }
  return join(directory, name)
}

async function writeEntry(path: string, sizeBytes: number, blocks: Blocks): Promise<void> {
  const file: FileHandle = await open(path, 'w', 0o600)
  try {
    for (let rest = sizeBytes; rest > 0;) {
      const block = await blocks.read(
        Math.ceil(Math.min(rest, 256 * blockBytes) / blockBytes) * blockBytes,
      )
      if (block === undefined) throw new Error(`Cannot unpack "${path}": the tar is cut short`)
      await file.writeFile(block.subarray(0, rest))
      rest -= block.length
    }
  } finally {
    await file.close()
  }
}

interface Blocks {
  /** The next bytes, exactly as many; undefined at the end. */
  read(bytes: number): Promise<Buffer | undefined>
  /** Reads the rest away. */
  drain(): Promise<void>
}

function blocksOf(file: string): Blocks {
  // Errors reach the reader below, which is where they are thrown.
  const stream = pipeline(createReadStream(file), createGunzip(), () => {})
  const chunks = stream[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  return {
    async read(bytes) {
      const parts: Buffer[] = [held]
      for (let length = held.length; length < bytes;) {
        const { done, value } = await chunks.next() as IteratorResult<Buffer, undefined>
        if (done === true || value === undefined) return undefined
        parts.push(value)
        length += value.length
      }
      const all = parts.length === 1 ? held : Buffer.concat(parts)
      held = all.subarray(bytes)
      return all.subarray(0, bytes)
    },
    async drain() {
      while ((await chunks.next()).done !== true) { /* padding */ }
    },
  }
}
