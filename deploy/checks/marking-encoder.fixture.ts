/** An encoder plugin that is FFmpeg without progress, and notes each of its runs with the label of its configuration. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes it into `parent`, under this id. @param tools - programs that it runs for other tasks too @returns its folder */
export function writeMarkingEncoder(
  parent: string,
  id: string,
  tools: readonly ('ffmpeg' | 'ffprobe')[] = [],
): string {
  const folder = join(parent, id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'plugin.toml'), manifest(id, tools))
  writeFileSync(join(folder, 'main.ts'), program)
  return folder
}

const manifest = (id: string, tools: readonly string[]) => `
[plugin]
id = "${id}"
type = "encoder"
version = "1.0.0"
protocol_version = "1"
supported_kernel_versions = [">=0.1.0"]
main = "main.ts"

[capabilities]
video_codecs = ["libx264"]
tools = ${JSON.stringify(tools)}

[config_schema]
type = "object"
additionalProperties = false
required = ["marks"]

[config_schema.properties.marks]
type = "string"
description = "File that runs are noted in"

[config_schema.properties.label]
type = "string"

[config_schema.properties.label_ref]
type = "string"

[permissions]
read = ["\${marks}"]
write = ["\${marks}"]
env = ["PATH"]
run = ["ffmpeg", "ffprobe"]
`

const program = `
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { definePlugin } from 'webencode/plugin'

await definePlugin({
  pillar: 'encoder',
  async implement({ config, secrets }) {
    const label = config.label_ref === undefined ? config.label : await secrets.resolve(config.label_ref)
    return {
      getCapabilities: () => Promise.resolve({
        name: 'ffmpeg',
        version: 'marking',
        videoCodecs: ['libx264'],
        audioCodecs: [],
        gpuAccelerated: false,
        gpuType: 'none',
      }),
      run({ tool, arguments: args, workingDirectory, videoCodec }) {
        appendFileSync(config.marks, label + ' ' + videoCodec + '\\n')
        const from = performance.now()
        const { promise, resolve } = Promise.withResolvers()
        const quiet = [...tool === 'ffmpeg' ? ['-nostdin'] : [], '-loglevel', 'level+warning']
        const child = spawn(tool, [...quiet, ...args], {
          cwd: workingDirectory,
          stdio: ['ignore', tool === 'ffprobe' ? 'pipe' : 'ignore', 'pipe'],
        })
        let stdout = ''
        let stderr = ''
        child.stdout?.on('data', (chunk) => void (stdout += chunk))
        child.stderr.on('data', (chunk) => void (stderr += chunk))
        child.on('error', (failure) => void (stderr += failure.message))
        child.on('close', (exitCode, signal) => {
          const facts = { stdout, stderr, wallMs: Math.round(performance.now() - from) }
          resolve(exitCode === 0 ? { ...facts, status: 'finished' } : { ...facts, status: 'failed', exitCode, signal })
        })
        return promise
      },
      close: () => Promise.resolve(),
    }
  },
})
`
