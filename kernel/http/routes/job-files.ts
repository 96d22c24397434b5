/** Routes of the files a job leaves: outputs and logs. */
import { z } from 'zod'
import {
  type JobOutputView,
  jobOutputViewSchema,
  jobStatuses,
  type JobView,
} from '../../contract/job.ts'
import type { OutputFile } from '../../contract/task.ts'
import { readJobOutputs } from '../../db/jobs.ts'
import { WebEncodeError } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import { sendDownload } from '../download.ts'
import { createApi, file, json, route } from '../openapi.ts'
import { idParams, requireJob } from './input.ts'

const bucket = 'media'
const downloadSeconds = 3600

const fileParams = idParams.extend({
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  name: z.string().regex(/^[^/\\\u0000-\u001f\u007f-\u009f]{1,255}$/),
})

const log = z.strictObject({
  /** `<task id>.<attempt>.log` */
  name: z.string(),
  size_bytes: z.int(),
  modified_at: z.string(),
}).meta({ id: 'JobLog' })

const listOutputs = route('get', '/v1/jobs/{id}/outputs', {
  summary: 'List the outputs of a job, with links that work for an hour',
  request: { params: idParams },
  responses: {
    200: json(
      z.strictObject({
        job_id: z.string(),
        status: z.enum(jobStatuses),
        outputs: z.array(jobOutputViewSchema.meta({ id: 'JobOutput' })),
      }),
      'The outputs; none before the job completed',
    ),
  },
})

const readOutput = route('get', '/v1/jobs/{id}/outputs/{name}', {
  summary: 'Download an output; understands byte ranges',
  request: { params: fileParams },
  responses: { 200: file('The file'), 206: file('A range of it') },
})

const listLogs = route('get', '/v1/jobs/{id}/logs', {
  summary: 'List the logs of a job',
  request: { params: idParams },
  responses: { 200: json(z.strictObject({ logs: z.array(log) }), 'One per attempt of a task') },
})

const readLog = route('get', '/v1/jobs/{id}/logs/{name}', {
  summary: 'Read a log; understands byte ranges',
  request: { params: fileParams },
  responses: {
    200: file('The log, UTF-8 text', 'text/plain'),
    206: file('A range of it', 'text/plain'),
  },
})

/** Routes of outputs and logs. */
export function jobFileRoutes({ db, storage, config }: HttpDeps) {
  return createApi()
    .openapi(listOutputs, async (c) => {
      const job = await requireJob(db, c.req.valid('param').id)
      const files = await readJobOutputs(db, job.id)
      const base = config.publicUrl ?? new URL(c.req.url).origin
      const outputs = await Promise.all(files.map((output) => viewOf(output, job, base)))
      return c.json({ job_id: job.id, status: job.status, outputs }, 200)
    })
    .openapi(readOutput, async (c) => {
      const { id, name } = c.req.valid('param')
      const output = (await readJobOutputs(db, id)).find((candidate) => candidate.name === name)
      if (output === undefined) {
        throw new WebEncodeError('WE-STO-001', `Job ${id} has no output named ${name}`)
      }
      const { object: { key, sizeBytes, sha256 }, contentType } = output
      const download = { bucket, key, sizeBytes, contentType, etag: sha256, saveAs: name }
      return await sendDownload(c, storage, download)
    })
    .openapi(listLogs, async (c) => {
      const { id } = await requireJob(db, c.req.valid('param').id)
      const { objects } = await storage.listObjects({ bucket, prefix: `jobs/${id}/logs/` })
      const logs = objects.map((object) => ({
        name: object.key.slice(`jobs/${id}/logs/`.length),
        size_bytes: object.size,
        modified_at: new Date(object.lastModified * 1000).toISOString(),
      }))
      return c.json({ logs }, 200)
    })
    .openapi(readLog, async (c) => {
      const { id, name } = c.req.valid('param')
      const key = `jobs/${id}/logs/${name}`
      const { size: sizeBytes, etag } = await storage.getObjectMetadata({ bucket, path: key })
      const contentType = 'text/plain; charset=utf-8'
      const tag = etag.replaceAll('"', '')
      return await sendDownload(c, storage, { bucket, key, sizeBytes, contentType, etag: tag })
    })

  async function viewOf(output: OutputFile, job: JobView, base: string): Promise<JobOutputView> {
    const { object, contentType, ...facts } = output
    const signed = await storage.getUrl({
      bucket,
      objectKey: object.key,
      expirySeconds: downloadSeconds,
      method: 'GET',
      audience: 'browser',
      downloadName: output.name,
    })
    const url = `/v1/jobs/${job.id}/outputs/${encodeURIComponent(output.name)}`
    return {
      ...facts,
      content_type: contentType,
      profile: job.profile,
      size_bytes: object.sizeBytes,
      sha256: object.sha256,
      url: new URL(url, base).href,
      download_url: new URL(signed.url, base).href,
    }
  }
}
