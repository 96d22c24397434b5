/** The `Content-Disposition` of what a browser is to save. */

/** Saves it under this name (RFC 6266): an ASCII one for old clients, the real one encoded. */
export function attachmentOf(name: string): string {
  const plain = name.replaceAll(/[^\w .()-]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, percentEncode)
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}

function percentEncode(mark: string): string {
  return `%${mark.charCodeAt(0).toString(16).toUpperCase()}`
}
