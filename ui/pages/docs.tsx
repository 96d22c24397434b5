/** The documentation of the API, made from its OpenAPI document. */
import { Icon, SummaryMark } from '../components/icons.tsx'
import { PageHeading } from '../components/panels.tsx'
import type { ApiView, FieldView, OperationView } from './openapi-view.ts'

/** The whole page. */
export function DocsPage({ api }: { api: ApiView }) {
  return (
    <>
      <PageHeading
        title='API'
        description={`${api.title} ${api.version}. Send a bearer token; failures have a code, a reason and what to do.`}
      >
        <a class='btn' data-variant='outline' data-size='sm' href='/openapi.json'>
          <Icon name='download' />
          OpenAPI document
        </a>
      </PageHeading>
      <div class='grid items-start gap-6 xl:grid-cols-[12rem_minmax(0,1fr)]'>
        <nav aria-label='Groups' class='sticky top-8 hidden xl:block'>
          <ul class='flex flex-col gap-1'>
            {api.groups.map(({ name }) => (
              <li>
                <a
                  class='block rounded-md px-2.5 py-1.5 text-muted-foreground hover:bg-muted hover:text-foreground'
                  href={`#group-${name}`}
                >
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class='flex min-w-0 flex-col gap-8'>
          {api.groups.map(({ name, operations }) => (
            <section id={`group-${name}`} class='scroll-mt-20' aria-label={name}>
              <h2 class='mb-3 text-base font-semibold'>{name}</h2>
              <div class='flex flex-col gap-2'>
                {operations.map((operation) => <Operation operation={operation} />)}
              </div>
            </section>
          ))}
        </div>
      </div>
    </>
  )
}

const methodTones: Readonly<Record<string, string>> = {
  GET: 'active',
  POST: 'success',
  DELETE: 'danger',
}

function Operation({ operation }: { operation: OperationView }) {
  return (
    <details class='card gap-0 py-0' id={operation.id}>
      <summary class='flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3'>
        <SummaryMark />
        <span
          class='badge w-16 font-mono'
          data-tone={methodTones[operation.method] ?? 'warning'}
        >
          {operation.method}
        </span>
        <span class='font-mono text-[0.8125rem] font-medium break-all'>{operation.path}</span>
        <span class='text-muted-foreground'>{operation.summary}</span>
      </summary>
      <div class='flex flex-col gap-5 border-t border-border px-4 py-4'>
        {operation.description && <p>{operation.description}</p>}
        {operation.parameters.length > 0 && (
          <Fields title='Parameters' fields={operation.parameters} />
        )}
        {operation.body && operation.body.fields.length > 0 && (
          <Fields title={`Body, ${operation.body.contentType}`} fields={operation.body.fields} />
        )}
        <div>
          <h3 class='mb-2 font-semibold'>Example</h3>
          <pre class='log'>{operation.curl}</pre>
        </div>
        <div class='flex flex-col gap-2'>
          <h3 class='font-semibold'>Answers</h3>
          {operation.responses.map(({ status, description, fields }) => (
            <details class='rounded-lg border border-border'>
              <summary class='flex items-center gap-2 px-3 py-2'>
                <SummaryMark />
                <span class='font-mono font-medium'>{status}</span>{' '}
                <span class='text-muted-foreground'>{description}</span>
              </summary>
              {fields.length === 0
                ? (
                  <p class='border-t border-border px-3 py-2 text-muted-foreground'>
                    No JSON body.
                  </p>
                )
                : (
                  <div class='border-t border-border px-3 py-3'>
                    <Fields fields={fields} />
                  </div>
                )}
            </details>
          ))}
        </div>
      </div>
    </details>
  )
}

function Fields(
  { title, fields }: { title?: string; fields: readonly (FieldView & { in?: string })[] },
) {
  return (
    <div>
      {title && <h3 class='mb-2 font-semibold'>{title}</h3>}
      <dl class='flex flex-col divide-y divide-border'>
        {fields.map((field) => (
          <div class='grid gap-x-4 gap-y-0.5 py-1.5 sm:grid-cols-[minmax(0,16rem)_minmax(0,1fr)]'>
            <dt class='font-mono text-xs leading-5 break-all'>
              {field.name}
              {field.isRequired && <span class='text-danger-text' title='required'>*</span>}
            </dt>
            <dd class='min-w-0 text-xs leading-5 break-words'>
              <span class='font-medium'>{field.type}</span>
              {field.in && <span class='text-muted-foreground'>in {field.in}</span>}
              {field.notes && <span class='text-muted-foreground'>· {field.notes}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
