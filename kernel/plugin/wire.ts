/** What both ends of a plugin's connection agree on. */
import type { ChannelOptions } from '@grpc/grpc-js'

/** Metadata key of the id that ties a call to the request it serves. */
export const correlationKey = 'x-correlation-id'
/** Longest correlation id that is taken over. */
export const maxCorrelationLength = 200
/** Largest message, in bytes. Files travel in chunks of {@link chunkBytes}. */
export const maxMessageBytes = 8 * 1024 * 1024
/** Bytes of a file in one message. Measured: 256 KiB cost the reader of a download twice the CPU, 32 KiB the writer half more. */
const chunkBytes = 64 * 1024

/** Options of every channel and server. */
export const channelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.max_metadata_size': 16 * 1024,
  'grpc.enable_http_proxy': 0,
}

/** The chunks in pieces that fit into one message. */
export async function* messageChunks(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += chunkBytes) yield chunk.subarray(at, at + chunkBytes)
  }
}
