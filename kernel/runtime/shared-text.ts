/** A text for many sockets. */

/** A text message, made once for all who get it: what it costs to encode and to keep does not grow with them. */
export class SharedText {
  readonly text: string
  #bytes: Buffer | undefined

  constructor(text: string) {
    this.text = text
  }

  /** In UTF-8; whoever gets them may not change them. */
  get bytes(): Buffer {
    return this.#bytes ??= Buffer.from(this.text)
  }
}
