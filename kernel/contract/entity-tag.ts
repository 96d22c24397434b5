/** Entity tags of downloads (RFC 9110, section 13). */

/** Whether `If-None-Match` names the tag, quotes included; its comparison is weak. */
export function isTagNamed(header: string | null | undefined, tag: string): boolean {
  const named = header?.split(',').map((each) => each.trim().replace(/^W\//, '')) ?? []
  return named.includes('*') || named.includes(tag)
}
