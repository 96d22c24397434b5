/** How the calls of a plugin go, method by method. */
import type { PluginMethodView } from '../../kernel/contract/plugin-view.ts'
import { DataTable } from './data-table.tsx'
import { Panel } from './panels.tsx'

const columns = [
  'Call',
  ['Count', 'hidden text-end sm:table-cell'],
  ['Errors', 'hidden text-end sm:table-cell'],
  ['p50', 'text-end'],
  ['p95', 'text-end'],
  ['p99', 'text-end'],
] as const

/** The methods that were called in the last five minutes; nothing when none was. */
export function PluginCalls({ methods }: { methods: readonly PluginMethodView[] }) {
  if (methods.length === 0) return null
  return (
    <Panel
      title='Calls by method'
      description='The last five minutes in this kernel; latencies in milliseconds'
      flush
    >
      <DataTable columns={columns}>
        {methods.map((method) => <MethodRow method={method} />)}
      </DataTable>
    </Panel>
  )
}

function MethodRow({ method }: { method: PluginMethodView }) {
  const { calls, errors, p50_ms, p95_ms, p99_ms } = method
  const tone = errors > 0 ? 'text-danger-text' : ''
  return (
    <tr>
      <th scope='row' class='text-start font-normal'>
        <span class='font-mono text-xs'>{method.method}</span>
        <span class={`block text-xs sm:hidden ${tone}`}>
          {`${calls.toLocaleString('en')} made, ${errors.toLocaleString('en')} failed`}
        </span>
      </th>
      <td class='hidden text-end tabular-nums sm:table-cell'>{calls.toLocaleString('en')}</td>
      <td class={`hidden text-end tabular-nums sm:table-cell ${tone}`}>
        {errors.toLocaleString('en')}
      </td>
      {[p50_ms, p95_ms, p99_ms].map((ms) => (
        <td class='text-end tabular-nums'>{Number(ms.toPrecision(2)).toLocaleString('en')}</td>
      ))}
    </tr>
  )
}
