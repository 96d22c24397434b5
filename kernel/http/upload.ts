/** Receives one file, as a multipart form or as the bare body, without holding it in memory. */
import { Busboy, type BusboyInstance } from '@fastify/busboy'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { messageOf, WebEncodeError } from '../errors.ts'
import type { RuntimeEnv } from '../runtime/runtime.ts'

/** A file that is arriving. */
export interface IncomingFile {
  /** As the client named it; untrusted. */
  readonly name: string
  readonly contentType: string
  /** Fields of the form that came before the file. */
  readonly fields: ReadonlyMap<string, string>
  /** Fails with WE-SYS-006 above the limit, and when the client goes away. */
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface ReceiveOptions {
  readonly maxBytes: number
  /** Name of a file that comes as the bare body. */
  readonly bareName: string | undefined
  /** The bytes of the body, where the runtime has a faster way to them. @default the request's */
  readonly bodyChunks?: RuntimeEnv['bodyChunks'] | undefined
}

/**
 * Hands the file of a request to `save` and resolves to what it answers.
 * @throws WE-JOB-001 when there is no file or the form is broken, WE-SYS-006 when it is too large, and what `save` throws
 */
export async function receiveFile<Saved>(
  request: Request,
  { maxBytes, bareName, bodyChunks }: ReceiveOptions,
  save: (file: IncomingFile) => Promise<Saved>,
): Promise<Saved> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  const contentType = request.headers.get('content-type') ?? 'application/octet-stream'
  const isForm = /^multipart\/form-data\b/i.test(contentType)
  if (declared > maxBytes + (isForm ? formOverheadBytes : 0)) throw tooLarge(maxBytes)
  const body = bodyChunks?.() ?? request.body
  if (body === null) throw invalid('The request has no body; send a file')
  if (isForm) {
    const bytes = Readable.from(body, { objectMode: false })
    return await receiveForm(bytes, contentType, maxBytes, save)
  }
  if (bareName === undefined) {
    throw invalid('Name the file with ?name=… or the header X-File-Name', 'name')
  }
  const chunks = whole(body, declared, maxBytes)
  return await save({ name: bareName, contentType, fields: new Map(), chunks })
}

/** Boundaries, headers and fields around the file. */
const formOverheadBytes = 64 * 1024

async function receiveForm<Saved>(
  body: Readable,
  contentType: string,
  maxBytes: number,
  save: (file: IncomingFile) => Promise<Saved>,
): Promise<Saved> {
  const parser = parserFor(contentType)
  const fields = new Map<string, string>()
  let saving: Promise<Saved> | undefined
  let file: Readable | undefined
  parser.on('field', (name, value) => fields.set(name, value))
  parser.on('file', (field, stream, name, _encoding, type) => {
    // Its end is seen by whoever reads it; without a listener an error would end the process.
    stream.on('error', () => {})
    if (field !== 'file' || saving !== undefined) return void stream.resume()
    file = stream
    // The parser's types do not say that an empty name is undefined.
    const given = name as string | undefined
    saving = save({
      name: given ?? '',
      contentType: type,
      fields,
      chunks: limited(stream, maxBytes),
    })
    saving.catch((error: unknown) => body.destroy(errorFrom(error)))
  })
  try {
    await pipeline(body, parser)
  } catch (error) {
    file?.destroy(errorFrom(error))
    if (saving === undefined) throw invalid(`The form cannot be read: ${messageOf(error)}`)
  }
  if (saving === undefined) throw invalid('The form has no file in the field "file"', 'file')
  return await saving
}

function parserFor(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: { fields: 20, fieldSize: 4096, fieldNameSize: 100, files: 1, parts: 22 },
    })
  } catch (error) {
    throw invalid(`The form cannot be read: ${messageOf(error)}`)
  }
}

/** The bytes of a bare body; one that breaks before its declared length is a failure, not a shorter file. */
async function* whole(
  body: AsyncIterable<Uint8Array>,
  declared: number,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let received = 0
  for await (const chunk of limited(body, maxBytes)) {
    received += chunk.length
    yield chunk
  }
  if (declared > 0 && received !== declared) {
    throw invalid(`The upload broke off: ${received} of ${declared} bytes arrived`)
  }
}

async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let received = 0
  try {
    for await (const chunk of chunks) {
      received += chunk.length
      if (received > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  } catch (error) {
    if (error instanceof WebEncodeError) throw error
    const message = `The upload broke off after ${received} bytes: ${messageOf(error)}`
    throw new WebEncodeError('WE-JOB-001', message, { cause: error })
  }
}

function tooLarge(maxBytes: number): WebEncodeError {
  return new WebEncodeError('WE-SYS-006', `The file is larger than the ${maxBytes} bytes allowed`)
}

function invalid(message: string, path?: string): WebEncodeError {
  return new WebEncodeError('WE-JOB-001', message, path === undefined ? {} : { path })
}

function errorFrom(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
