/** The remux task: the streams of the source in another container, the video untouched. */
import { readBackArguments } from '../ffmpeg/check-arguments.ts'
import { remuxArguments } from '../ffmpeg/arguments.ts'
import { containerRows } from '../ffmpeg/containers.ts'
import { wrongOutput } from '../ffmpeg/failure.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { runCheck } from './check-file.ts'
import { TaskFailed } from './context.ts'
import type { TaskHandler } from './context.ts'
import { outputName } from './output-name.ts'
import { planOf } from './plan-facts.ts'
import { createTools } from './tool.ts'

const madeList = 'made.packets'
const readList = 'read.packets'

/** Copies the streams, checks that no packet of them is missing, and publishes the file. */
export const remux: TaskHandler = async (context) => {
  const { brief, sourceInput } = context
  const { source, durationSeconds } = planOf(brief)
  const { container, audio } = brief.profile
  const tools = createTools(context)
  const name = outputName(brief.source.name, containerRows[container].extension)
  const { wallMs } = await tools.run({
    arguments: remuxArguments({
      source: sourceInput,
      ...(source.video && { videoIndex: source.video.streamIndex }),
      tracks: source.audio,
      audio,
      container,
      ...(source.video?.codec === 'hevc' && { mp4Tag: 'hvc1' }),
      output: name,
      packetList: madeList,
    }),
    action: `copy the streams into ${container}`,
    readsSource: true,
    outputs: [name, madeList],
    expected: { durationSeconds },
    progress: [0, 0.8],
  })
  await runCheck(tools, 'The copy', {
    arguments: readBackArguments({ file: name, packetList: readList }),
    action: 'check the copy',
    inputs: [tools.path(name)],
    outputs: [readList],
  })
  const made = await tools.packetList(madeList)
  const read = await tools.packetList(readList)
  refuseMissing(made, read)
  context.progress(1)
  const { contentType } = containerRows[container]
  return {
    kind: 'remux',
    object: await context.publish(tools.path(name), name, contentType),
    frames: source.video ? read[0]?.packets.length ?? 0 : 0,
    durationSeconds,
    encodeMs: wallMs,
  }
}

/** Containers write a packet's bytes in their own way, so what is compared is that each packet is there. */
function refuseMissing(made: readonly PacketTrack[], read: readonly PacketTrack[]): void {
  const wanted = made[0]?.packets.length ?? 0
  const found = read[0]?.packets.length ?? 0
  if (found === wanted && found > 0) return
  throw new TaskFailed(wrongOutput('The copy', `it holds ${found} packets instead of ${wanted}`))
}
