/** Search filters with values that cannot become syntax (RFC 4515). */
import { Filter } from 'ldapts'

/** `template` with every `{name}` replaced by its escaped value. */
export function fillFilter(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[name]
    return value === undefined ? placeholder : Filter.escape(value)
  })
}

/** `template` for everybody: any name matches. */
export function anyoneFilter(template: string): string {
  return template.replaceAll('{username}', '*')
}

/** Finds the entries of `filter` whose attribute has this value. */
export function narrowFilter(filter: string, attribute: string, value: string | Buffer): string {
  return `(&${filter}(${attribute}=${Filter.escape(value)}))`
}
