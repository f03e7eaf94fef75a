/** What a target takes of a row, and whether it takes all rows of a source. */
import { hex, isPromise } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { COPY_MARK_KEY, StorageError } from "../contract/index.ts";
import type { Limits, ReadView, StorageEngine } from "../contract/index.ts";
import type { OnRows } from "./compare-engines.ts";
import { encodeMark } from "./copy-mark.ts";
import { RowReader } from "./row-reader.ts";

/** After so many rows the caller is told how far it is. */
const TOLD_ROWS = 1_000;

export class TargetLimits {
  /** Of key and value together. */
  readonly rowBytes: number;
  readonly #limits: Limits;
  readonly #name: string;

  constructor(target: StorageEngine) {
    this.#limits = target.limits;
    this.#name = target.name;
    this.rowBytes = target.load === undefined ? commitBytes(target.limits) : Infinity;
  }

  /** Every row that fits into an engine with such limits fits here. */
  takesAllOf({ keyBytes, valueBytes }: Limits): boolean {
    return (
      keyBytes <= this.#limits.keyBytes &&
      valueBytes <= this.#limits.valueBytes &&
      keyBytes + valueBytes <= this.rowBytes
    );
  }

  /** @throws StorageError 'KeyTooLarge', 'ValueTooLarge', 'TransactionTooLarge'. */
  assertTakes(key: Bytes, valueBytes: number): void {
    const { keyBytes: keyBytesMax, valueBytes: valueBytesMax } = this.#limits;
    const bytes = key.length + valueBytes;
    if (key.length > keyBytesMax) this.#refuse("KeyTooLarge", key, key.length, keyBytesMax);
    if (valueBytes > valueBytesMax) this.#refuse("ValueTooLarge", key, valueBytes, valueBytesMax);
    if (bytes > this.rowBytes) this.#refuse("TransactionTooLarge", key, bytes, this.rowBytes);
  }

  /** Looks at every row of a view of an engine with the limits `from`; gives their number. */
  async measure(view: ReadView, from: Limits, onRows: OnRows): Promise<number> {
    // Where no value can be too large they stay where they are.
    const keysOnly =
      from.valueBytes <= this.#limits.valueBytes &&
      from.keyBytes + from.valueBytes <= this.rowBytes;
    const reader = new RowReader(view, { keysOnly });
    let rows = 0;
    try {
      for (;;) {
        const more = reader.next();
        if (!(isPromise(more) ? await more : more)) return rows;
        this.assertTakes(reader.key(), keysOnly ? 0 : reader.valueBytes());
        if (++rows % TOLD_ROWS === 0) await onRows(rows);
      }
    } finally {
      reader.close();
    }
  }

  #refuse(
    code: "KeyTooLarge" | "ValueTooLarge" | "TransactionTooLarge",
    key: Bytes,
    bytes: number,
    bytesMax: number,
  ): never {
    throw new StorageError(
      code,
      { key: hex(key), bytes, bytesMax, target: this.#name },
      { remedy: "Make the row smaller in the source, or copy to an engine that takes it." },
    );
  }
}

/** For rows in one commit: beside them stand the mark that is written and the one that is required. */
function commitBytes({ keyBytes, transactionBytes }: Limits): number {
  const run = Number.MAX_SAFE_INTEGER;
  const figures = { rows: run, bytes: run, checksum: "0".repeat(32) };
  const markBytes = encodeMark({ run, position: "", ...figures }).length + 2 * keyBytes;
  return transactionBytes - 2 * (COPY_MARK_KEY.length + markBytes);
}
