/**
 * What the benchmark itself costs: its loops over a store that answers at once, with what is asked for, and does nothing
 * else. No store can be measured to be quicker.
 */
import type { Recorder } from "../kit/index.ts";
import { SMALL } from "../keyvalue/ground.ts";
import type { KeyValueStore } from "../keyvalue/key-value-store.ts";
import { getRows } from "../keyvalue/reads.ts";
import { Rows, uniform } from "../keyvalue/rows.ts";

const ROWS = 100_000;
const OPERATIONS = 500_000;

export async function measureOwnLoops(recorder: Recorder): Promise<void> {
  const rows = new Rows(SMALL, ROWS);
  const order = uniform(ROWS, OPERATIONS, 91);
  const store = new NoStore(rows, order);
  await recorder.rate("the benchmark's own loop of gets", OPERATIONS, () =>
    getRows({ rows, store }, order),
  );
  await recorder.each("the benchmark's own loop of puts", OPERATIONS, (i) => {
    const n = order[i]!;
    return store.put(rows.key(n), rows.nextValue(n));
  });
  if (store.puts !== OPERATIONS) throw new Error("not all puts came");
}

/** Knows in which order it will be asked. */
class NoStore implements Pick<KeyValueStore, "put" | "stamp"> {
  readonly #rows: Rows;
  readonly #order: Uint32Array;
  #gets = 0;
  puts = 0;

  constructor(rows: Rows, order: Uint32Array) {
    this.#rows = rows;
    this.#order = order;
  }

  put(_key: Buffer, _value: Buffer): void {
    this.puts++;
  }

  stamp(_key: Buffer): number {
    return this.#rows.stamp(this.#order[this.#gets++]!);
  }
}
