/** The version of the product. */

/** As in `package.json`; a check compares them. */
export const version = '0.1.0'
