/** Leaves out the rules of Basecoat's components that no page has: Tailwind keeps every rule that it is given. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** The one that Tailwind brings, and has written the style sheet with. */
const { transform } = createRequire(import.meta.resolve('@tailwindcss/node'))('lightningcss')
const list = new URL('../../ui/styles/unused-components.json', import.meta.url)

/**
 * @param {string} css minified and without nested rules
 * @returns {string} the same without the rules that need a class of the list
 */
export function withoutUnusedStyles(css) {
  const unused = new Set(JSON.parse(readFileSync(list, 'utf8')))
  const isUnused = (selector) =>
    selector.some((part) => part.type === 'class' && unused.has(part.name))
  const visitor = {
    Rule: {
      style: ({ value }) => value.selectors.every(isUnused) ? [] : undefined,
    },
  }
  const code = Buffer.from(css)
  return transform({ filename: 'app.css', code, minify: true, visitor }).code.toString()
}
