/** The transaction, as its scans see it. */
export interface ScanOwner {
  /** Throws when the transaction has ended. */
  assertOpen(): void;
  /** The scan has ended by itself or was closed. */
  scanEnded(scan: { close(): void }): void;
}
