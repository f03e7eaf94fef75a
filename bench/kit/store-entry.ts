/** What every store says of itself, whatever its suite asks of it. */

/** What a write that was awaited survives: the end of the process (kill -9), a power cut as well, or neither. */
export type Survives = "process" | "power" | "nothing";

export interface StoreEntry<Store> {
  readonly name: string;
  /** With `durable` off and on; undefined: it cannot be asked for more than it does when buffered. */
  readonly durability: { readonly buffered: Survives; readonly durable: Survives | undefined };
  /** Opened again, it has what was written to it. */
  readonly persistent: boolean;
  /** Measured by full runs only. */
  readonly onlyFull?: boolean;
  /** Settings and limits that a reader has to know of to judge the figures. */
  readonly note?: string;
  /** Imports its package when it is called, so that a package that is not there costs one store only. */
  readonly open: (directory: string, durable: boolean) => Promise<Store>;
}
