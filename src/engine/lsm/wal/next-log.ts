/** The log after the present one: made beside the thread when it is asked for, and kept until it is taken. */
import type { WalWriter } from "./wal-writer.ts";

export interface NextLogParts {
  readonly make: () => Promise<WalWriter>;
  /** It is there. */
  readonly made: () => void;
  readonly failed: (cause: unknown) => void;
}

export class NextLog {
  readonly #parts: NextLogParts;
  #wal: WalWriter | undefined;
  #making: Promise<void> | undefined;

  constructor(parts: NextLogParts) {
    this.#parts = parts;
  }

  /** How many logs are there that take no commits yet. */
  get count(): number {
    return this.#wal === undefined ? 0 : 1;
  }

  /** Gives the log; undefined: it is being made from now on, and made() tells when it is there. */
  take(): WalWriter | undefined {
    const wal = this.#wal;
    this.#wal = undefined;
    if (wal === undefined) {
      this.#making ??= this.#make().finally(() => {
        this.#making = undefined;
      });
    }
    return wal;
  }

  /** Waits for what is under way, and gives back a log that nobody took. */
  async close(): Promise<void> {
    await this.#making;
    this.#wal?.abandon();
    this.#wal = undefined;
  }

  /** Never rejects: a failure is handed on. */
  async #make(): Promise<void> {
    try {
      this.#wal = await this.#parts.make();
      this.#parts.made();
    } catch (cause) {
      this.#parts.failed(cause);
    }
  }
}
