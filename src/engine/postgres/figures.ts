/** What an engine on a server has counted since it was opened: for dashboards, by name in stats(). */
import { CONFLICT, PRESUMED_WRONGLY, StorageError } from "../contract/index.ts";

export class Figures {
  #commits = 0;
  #conflicts = 0;
  #batchRetries = 0;
  #answersLost = 0;

  committed(): void {
    this.#commits++;
  }

  /** Looks at the failure of a read or a commit, and hands it back. */
  failed(error: unknown): unknown {
    if (error === CONFLICT || error === PRESUMED_WRONGLY) this.#conflicts++;
    if (error instanceof StorageError && error.code === "CommitUnknown") this.#answersLost++;
    return error;
  }

  /** A batch goes once more because it lost to another. */
  batchRetried(): void {
    this.#batchRetries++;
  }

  /** Of commits that write and of those that only read; conflicts of both, and of reads before them. */
  stats(): Readonly<Record<string, number>> {
    return {
      commits: this.#commits,
      conflicts: this.#conflicts,
      batchRetries: this.#batchRetries,
      answersLost: this.#answersLost,
    };
  }
}
