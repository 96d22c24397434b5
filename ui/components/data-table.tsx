/** The frame of a table: its columns, and a last one without a visible name when rows have actions. */
import type { Child } from 'hono/jsx'

/** The name of a column, and the classes of its heading where it has some. */
export type Column = string | readonly [name: string, classes: string]

/** A table that scrolls within the page; the children are its rows. With actions it becomes a list on a phone, so that nothing hides beside the screen. */
export function DataTable(
  { columns, hasActions = false, children }: {
    columns: readonly Column[]
    /** Rows end with buttons. */
    hasActions?: boolean
    children: Child
  },
) {
  return (
    <div class='table-container'>
      <table class={hasActions ? 'table table-tight table-stack' : 'table'}>
        <thead>
          <tr>
            {columns.map((column) => <Heading column={column} />)}
            {hasActions && (
              <th scope='col'>
                <span class='sr-only'>Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

function Heading({ column }: { column: Column }) {
  if (typeof column === 'string') return <th scope='col'>{column}</th>
  const [name, classes] = column
  return <th scope='col' class={classes}>{name}</th>
}
