/** How many bytes a worker has moved over the network since it started. */

export interface Transferred {
  /** From storage and sources. */
  readonly bytesIn: number
  /** Into storage. */
  readonly bytesOut: number
}

export interface TransferMeter {
  count(direction: 'in' | 'out', bytes: number): void
  read(): Transferred
}

/** A meter at zero. Its functions may be handed over alone. */
export function createTransferMeter(): TransferMeter {
  let bytesIn = 0
  let bytesOut = 0
  return {
    count(direction, bytes) {
      if (direction === 'in') bytesIn += bytes
      else bytesOut += bytes
    },
    read: () => ({ bytesIn, bytesOut }),
  }
}
