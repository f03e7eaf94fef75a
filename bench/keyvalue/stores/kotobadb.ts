/** KotobaDB's engine, which the document store stands on. Values are read where they lie, rows by the page. */
import type { LsmEngine, LsmOptions, Page, Snapshot, WriteOp } from "kotobadb/engine";
import { importEngine, kotobadbUrl } from "../../kit/index.ts";
import { stampAt } from "../key-value-store.ts";
import type { KeyValueStore, Row, ScanRange, Tally } from "../key-value-store.ts";
import { CACHE_BYTES } from "./cache.ts";
import type { KeyValueEntry } from "./entry.ts";

export const kotobadb: KeyValueEntry = {
  name: "kotobadb",
  durability: { buffered: "process", durable: "power" },
  persistent: true,
  specifier: kotobadbUrl,
  note: "LZ4, memtables of 16 MB",
  open: async (path, durable, cacheBytes) =>
    new KotobadbStore(await openEngine(path, durable, cacheBytes, {})),
};

/** Beside stores that do not compress. */
export const kotobadbUncompressed: KeyValueEntry = {
  ...kotobadb,
  name: "kotobadb (uncompressed)",
  onlySize: true,
  note: "",
  open: async (path, durable, cacheBytes) => {
    const compression = "none";
    return new KotobadbStore(
      await openEngine(path, durable, cacheBytes, { compression, bottomCompression: compression }),
    );
  },
};

async function openEngine(
  path: string,
  durable: boolean,
  cacheBytes: number | undefined,
  options: Partial<LsmOptions>,
): Promise<LsmEngine> {
  const { openLsmEngine } = await importEngine();
  return openLsmEngine({
    path,
    durability: durable ? "durable" : "buffered",
    blockCacheBytesMax: cacheBytes ?? CACHE_BYTES,
    ...options,
  });
}

const stampOf = (buffer: Uint8Array, start: number): number => stampAt(buffer, start);

class KotobadbStore implements KeyValueStore {
  readonly #engine: LsmEngine;
  /** Of the newest state: let go of by every write. */
  #view: Snapshot | undefined;

  constructor(engine: LsmEngine) {
    this.#engine = engine;
  }

  put(key: Buffer, value: Buffer): unknown {
    return this.#write([{ op: "put", key, value }]);
  }

  write(rows: readonly Row[]): unknown {
    return this.#write(rows.map(({ key, value }): WriteOp => ({ op: "put", key, value })));
  }

  remove(keys: readonly Buffer[]): unknown {
    return this.#write(keys.map((key): WriteOp => ({ op: "del", key })));
  }

  #write(ops: readonly WriteOp[]): unknown {
    this.#letGo();
    return this.#engine.write({ ops, requires: [] });
  }

  stamp(key: Buffer): number | Promise<number> {
    const found = this.#newest().read(key, stampOf);
    if (found instanceof Promise) return found.then((stamp) => stamp ?? -1);
    return found ?? -1;
  }

  scan({ end, limit, reverse, start }: ScanRange): Tally | Promise<Tally> {
    const isAll = limit === Infinity;
    const options = { reverse, ...(isAll ? { expect: "all" as const } : { limit }) };
    const scan = this.#newest().scan({ start, end }, options);
    let rows = 0;
    let sum = 0;
    const take = (page: Page): boolean => {
      const { buffer, keyEnd, valueStart } = page;
      const count = Math.min(page.rows, limit - rows);
      for (let i = 0; i < count; i++) {
        sum += stampAt(buffer, valueStart[i]!) + buffer[keyEnd[i]! - 2]!;
      }
      rows += count;
      return page.done || rows === limit;
    };
    const rest = async (first: Promise<Page>): Promise<Tally> => {
      for (let page = await first; !take(page); page = await scan.next());
      scan.close();
      return { rows, sum };
    };
    for (;;) {
      const page = scan.next();
      if (page instanceof Promise) return rest(page);
      if (take(page)) break;
    }
    scan.close();
    return { rows, sum };
  }

  close(): Promise<void> {
    this.#letGo();
    return this.#engine.close();
  }

  #newest(): Snapshot {
    return (this.#view ??= this.#engine.snapshot());
  }

  #letGo(): void {
    this.#view?.close();
    this.#view = undefined;
  }
}
