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
  /**
   * The share that it is asked for of what is done an operation at a time, for a store that would take much of the run for
   * itself. What it holds is as much as with all others, and rates are per second; fewer operations mean less upkeep in between, which favours it, so none of ours has one. Default 1.
   */
  readonly share?: number;
  /** Settings and limits that a reader has to know of to judge the figures. */
  readonly note?: string;
  /** Imports its package when it is called, so that a package that is not there costs one store only. */
  readonly open: (directory: string, durable: boolean) => Promise<Store>;
}
