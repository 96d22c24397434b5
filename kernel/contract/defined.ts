/** Options that may be undefined, for signatures where an option is absent or has a value. */

/** The same without what is undefined. */
export function defined<T extends object>(
  values: T,
): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as { [Key in keyof T]?: Exclude<T[Key], undefined> }
}
