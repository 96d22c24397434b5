/** The description of the API: made from the schemas that check its requests. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { issueSentence } from '../contract/issue-words.ts'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv } from './deps.ts'
import { problemSchema } from './problem.ts'

const problem = problemSchema.meta({ id: 'Problem' })

/** An empty API: wrong input is WE-JOB-001 with the path of the field. */
export function createApi(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidInput(result.error.issues[0])
    },
  })
}

/** Declares a route; every route may answer with a problem. */
export function route<
  const Method extends 'get' | 'post' | 'put' | 'patch' | 'delete',
  const Path extends string,
  const Parts extends RouteParts,
>(
  method: Method,
  path: Path,
  parts: Parts,
) {
  return createRoute(
    {
      method,
      path,
      security: [{ bearer: [] }, { session: [] }],
      ...parts,
      responses: {
        ...parts.responses,
        default: { description: 'A failure', content: { 'application/json': { schema: problem } } },
      },
    } as const,
  )
}

type RouteParts = Omit<Parameters<typeof createRoute>[0], 'method' | 'path'>

/** A JSON answer of this shape. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } }
}

/** The bytes of a file. @param type - what kinds it may be, such as a media range of the Accept header */
export function file(description: string, type = '*/*') {
  return { description, content: { [type]: { schema: z.string().meta({ format: 'binary' }) } } }
}

/** Serves the description of everything that was mounted on `api` at `/openapi.json`. */
export function serveDescription(api: OpenAPIHono<AppEnv>, version: string): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
  })
  api.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'webencode_session',
  })
  api.get('/openapi.json', (c) => c.json(api.getOpenAPI31Document(documentHead(version))))
}

function documentHead(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'WebEncode',
      version,
      description: 'Encodes video on many workers. Failures have the shape of Problem.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: '/' }],
  }
}

function invalidInput(issue: z.core.$ZodIssue | undefined): WebEncodeError {
  if (issue === undefined) return new WebEncodeError('WE-JOB-001', 'The request is not valid')
  const keys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const path = [...issue.path, ...keys].join('.')
  const message = issueSentence(issue, path === '' ? 'The request' : path)
  return new WebEncodeError('WE-JOB-001', message, path === '' ? {} : { path })
}
