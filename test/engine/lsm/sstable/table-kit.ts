/** Small helpers that write and open tables on a disk in memory. */
import type { Bytes } from "../../../../src/base/index.ts";
import type { PointResult, RangeDelete } from "../../../../src/engine/lsm/cursor/index.ts";
import type { Host } from "../../../../src/engine/lsm/host/index.ts";
import type { TableMeta } from "../../../../src/engine/lsm/manifest/index.ts";
import {
  BlockCache,
  TableReader,
  TableWriter,
  hashKey,
} from "../../../../src/engine/lsm/sstable/index.ts";
import type { KeyHash, TableWriterOptions } from "../../../../src/engine/lsm/sstable/index.ts";
import { bytes, sorted } from "../cursor/entry-model.ts";
import type { ModelEntry } from "../cursor/entry-model.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

export const STORE_ID: Bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
export const PATH = "/db/000007.sst";
export const FILE_NUMBER = 7;

export interface Written {
  readonly host: Host;
  readonly meta: TableMeta;
}

export function newDisk(): Host {
  const host = new SimulatedHost();
  host.files.makeDirectory("/db");
  return host;
}

export function writeTable(
  entries: readonly ModelEntry[],
  deletes: readonly RangeDelete[] = [],
  options: TableWriterOptions = {},
  host: Host = newDisk(),
): Written {
  const writer = new TableWriter(host, PATH, FILE_NUMBER, STORE_ID, options);
  for (const { key, sequence, kind, value } of sorted(entries)) {
    writer.add(key, 0, key.length, sequence, kind, value, 0, value.length);
  }
  for (const one of deletes) writer.addRangeDelete(one);
  return { host, meta: writer.finish(3) };
}

export function openTable({ host, meta }: Written, cache = new BlockCache(1 << 20)): TableReader {
  return TableReader.open(host, PATH, meta, STORE_ID, cache);
}

export function hashOf(key: Bytes): KeyHash {
  const hash: KeyHash = new Uint32Array(2);
  hashKey(key, 0, key.length, hash);
  return hash;
}

export function find(table: TableReader, key: Bytes, maxSequence: number): ModelEntry | undefined {
  const out: PointResult = { sequence: 0, kind: 0, buffer: bytes(""), start: 0, end: 0 };
  if (!table.get(key, hashOf(key), maxSequence, out)) return undefined;
  const value = Uint8Array.from(out.buffer.slice(out.start, out.end));
  return { key, sequence: out.sequence, kind: out.kind as 1 | 2, value };
}

export function fileBytes(host: Host, path = PATH): Bytes {
  const file = host.files.open(path, "read");
  const all = new Uint8Array(file.size());
  file.read(all, 0, all.length, 0);
  file.close();
  return all;
}

/** A disk that holds only this file. */
export function diskWith(content: Bytes, path = PATH): Host {
  const host = newDisk();
  const file = host.files.open(path, "create");
  file.write(content, 0, content.length, 0);
  file.close();
  return host;
}

/** Many entries with values of this size, keys as collections have them. */
export function manyEntries(count: number, valueBytes: number): readonly ModelEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    key: bytes(`users/${String(i * 3).padStart(8, "0")}`),
    sequence: 1 + ((i * 7) % 1_000),
    kind: i % 11 === 0 ? (2 as const) : (1 as const),
    value: i % 11 === 0 ? bytes("") : new Uint8Array(valueBytes).fill(i),
  }));
}
