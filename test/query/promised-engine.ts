/** An engine whose every read comes later, as that of a server does: nothing above may count on values at once. */
import type {
  BeginOptions,
  EngineTransaction,
  KeyRange,
  Scan,
  ScanOptions,
  Snapshot,
  StorageEngine,
} from "../../src/engine/contract/index.ts";

async function later<T>(work: () => T | Promise<T>): Promise<T> {
  await Promise.resolve();
  return await work();
}

function promisedScan(scan: Scan): Scan {
  return { next: () => later(() => scan.next()), close: () => scan.close() };
}

function promisedReads(view: EngineTransaction | Snapshot) {
  return {
    get: (key: Uint8Array) => later(() => view.get(key)),
    read: <T>(key: Uint8Array, decode: (buffer: Uint8Array, start: number, end: number) => T) =>
      later(() => view.read(key, decode)),
    getMany: (keys: readonly Uint8Array[]) => later(() => view.getMany(keys)),
    scan: (range: KeyRange, options?: ScanOptions) => promisedScan(view.scan(range, options)),
  };
}

export function promisedEngine(engine: StorageEngine): StorageEngine {
  return {
    name: `promised ${engine.name}`,
    limits: engine.limits,
    capabilities: engine.capabilities,
    begin: (options?: BeginOptions) =>
      later(async () => {
        const inner = await engine.begin(options);
        return {
          ...promisedReads(inner),
          commit: (plan) => later(() => inner.commit(plan)),
          abort: () => inner.abort(),
        };
      }),
    snapshot: () =>
      later(async () => {
        const inner = await engine.snapshot();
        return { ...promisedReads(inner), version: inner.version, close: () => inner.close() };
      }),
    write: (plan) => later(() => engine.write(plan)),
    close: () => engine.close(),
  };
}
