/** An encoder plugin that is FFmpeg without progress, and notes each of its runs with the label of its configuration. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes it into `parent`, under this id. @returns its folder */
export function writeMarkingEncoder(parent: string, id: string): string {
  const folder = join(parent, id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'plugin.toml'), manifest(id))
  writeFileSync(join(folder, 'main.ts'), program)
  return folder
}

const manifest = (id: string) => `
[plugin]
id = "${id}"
type = "encoder"
version = "1.0.0"
protocol_version = "1"
supported_kernel_versions = [">=0.1.0"]
main = "main.ts"

[capabilities]
video_codecs = ["libx264"]

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
run = ["ffmpeg"]
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
      run({ arguments: args, workingDirectory, videoCodec }) {
        appendFileSync(config.marks, label + ' ' + videoCodec + '\\n')
        const from = performance.now()
        const { promise, resolve } = Promise.withResolvers()
        const child = spawn('ffmpeg', ['-nostdin', '-loglevel', 'level+warning', ...args], {
          cwd: workingDirectory,
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        let stderr = ''
        child.stderr.on('data', (chunk) => void (stderr += chunk))
        child.on('error', (failure) => void (stderr += failure.message))
        child.on('close', (exitCode, signal) => {
          const facts = { stdout: '', stderr, wallMs: Math.round(performance.now() - from) }
          resolve(exitCode === 0 ? { ...facts, status: 'finished' } : { ...facts, status: 'failed', exitCode, signal })
        })
        return promise
      },
      close: () => Promise.resolve(),
    }
  },
})
`
