/**
 * The edits of a running database, one after another, in a manifest that is begun anew when it has grown long.
 *
 * Always true: sequence numbers that were recorded never go back, whatever order flushes and loads end in.
 */
import { DiskFull, StorageError } from "../../contract/index.ts";
import type { ManifestWriter } from "./manifest-writer.ts";
import type { ManifestState, VersionEdit } from "./version-edit.ts";

/** Beyond this size the manifest is begun anew, as the list of tables that it leads to. */
const MANIFEST_BYTES_MAX: number = 4 * 1_024 * 1_024;

export class EditRecorder {
  readonly #numbers: { take(): number; readonly next: number };
  #manifest: ManifestWriter;

  constructor(manifest: ManifestWriter, numbers: { take(): number; readonly next: number }) {
    this.#manifest = manifest;
    this.#numbers = numbers;
  }

  /** All that was recorded by this moment. */
  get state(): ManifestState {
    return this.#manifest.state;
  }

  /** Makes an edit durable; one at a time. DiskFull: it has not happened. */
  async record(edit: VersionEdit): Promise<void> {
    if (this.#manifest.fileBytes >= MANIFEST_BYTES_MAX) this.#roll();
    // A load is newer than what still waits in memory.
    const lastSequence = Math.max(edit.lastSequence ?? 0, this.#manifest.state.lastSequence);
    await this.#manifest.appendInBackground({
      ...edit,
      ...(edit.lastSequence === undefined ? {} : { lastSequence }),
      nextFileNumber: this.#numbers.next,
    });
  }

  /** Throws DatabaseLocked if another writer has taken the directory over. */
  assertRuling(): void {
    this.#manifest.assertRuling();
  }
  /** All commits up to this one are durable in tables and logs, and none will follow. */
  endLogs(lastSequence: number): void {
    this.#manifest.endLogs(lastSequence);
  }
  close(): void {
    this.#manifest.close();
  }
  abandon(): void {
    this.#manifest.abandon();
  }

  /** Which manifest rules is not known when making the new one failed; so that is never only a full disk. */
  #roll(): void {
    const number = this.#numbers.take();
    const state = { ...this.#manifest.state, nextFileNumber: this.#numbers.next };
    try {
      this.#manifest = this.#manifest.roll(state, number);
    } catch (cause) {
      if (!(cause instanceof DiskFull)) throw cause;
      const file = String(cause.details["file"]);
      throw new StorageError("Io", { file, error: "no room for a new manifest" }, { cause });
    }
  }
}
