/** Reads how a chunk's decoder must be set up, straight from its MP4, without starting a program for it. */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Boxes that hold a decoder's parameters, by codec: H.264, HEVC, AV1, VP9. */
const configBoxes = ['avcC', 'hvcC', 'av1C', 'vpcC']
/** An index of a chunk of minutes is far below this; more is not an MP4 that we wrote. */
const largestIndexBytes = 64 * 1024 * 1024

/**
 * The decoder configuration record of the video in an MP4, as hex. Chunks can be joined by copying only when
 * all of them have the same one.
 * @returns undefined when the file is not an MP4 with such a record
 */
export async function readDecoderConfig(path: string): Promise<string | undefined> {
  const file = await open(path)
  try {
    return configFrom(await readIndex(file))
  } finally {
    await file.close()
  }
}

/** The `moov` box. */
async function readIndex(file: FileHandle): Promise<Buffer> {
  const header = Buffer.alloc(16)
  for (let position = 0;;) {
    const { bytesRead } = await file.read(header, 0, 16, position)
    if (bytesRead < 8) return Buffer.alloc(0)
    const short = header.readUInt32BE(0)
    const size = short === 1 ? Number(header.readBigUInt64BE(8)) : short
    if (header.toString('latin1', 4, 8) === 'moov') return await readBox(file, position, size)
    if (size < 8) return Buffer.alloc(0)
    position += size
  }
}

async function readBox(file: FileHandle, position: number, size: number): Promise<Buffer> {
  if (size > largestIndexBytes) return Buffer.alloc(0)
  const box = Buffer.alloc(size)
  const { bytesRead } = await file.read(box, 0, size, position)
  return box.subarray(0, bytesRead)
}

function configFrom(index: Buffer): string | undefined {
  const table = index.indexOf('stsd', 0, 'latin1')
  if (table < 0) return undefined
  for (const name of configBoxes) {
    const at = index.indexOf(name, table, 'latin1')
    if (at < 0) continue
    const size = index.readUInt32BE(at - 4)
    return index.toString('hex', at, at - 4 + size)
  }
  return undefined
}
