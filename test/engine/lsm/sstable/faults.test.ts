/** When the disk fails: an error that names the file, nothing half-read kept, nothing half-written used. */
import { expect, test } from "vitest";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { MAX_SEQUENCE } from "../../../../src/engine/lsm/cursor/index.ts";
import { BlockCache, TableReader, TableWriter } from "../../../../src/engine/lsm/sstable/index.ts";
import {
  FILE_NUMBER,
  PATH,
  STORE_ID,
  find,
  manyEntries,
  openTable,
  writeTable,
} from "./table-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import type { Fault } from "../../../../src/testing/index.ts";

const list = manyEntries(3_000, 200);

function newHost(): SimulatedHost {
  const host = new SimulatedHost();
  host.files.makeDirectory("/db");
  return host;
}

function write(host: SimulatedHost): TableWriter {
  const writer = new TableWriter(host, PATH, FILE_NUMBER, STORE_ID);
  try {
    for (const { key, sequence, kind, value } of list) {
      writer.add(key, 0, key.length, sequence, kind, value, 0, value.length);
    }
    writer.finish(0);
    return writer;
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

test("a write or sync that fails is an error that names the file, and abandon() removes it", () => {
  const calm = newHost();
  const before = calm.changes;
  write(calm);
  const changes = calm.changes - before;
  expect(changes).toBeGreaterThan(4);
  for (let nth = 1; nth <= changes; nth++) {
    for (const fault of ["EIO", "ENOSPC", "ENOSPC-part"] satisfies Fault[]) {
      const host = newHost();
      host.failAtChange(host.changes + nth, fault);
      const expected = fault === "EIO" ? StorageError : DiskFull;
      let failure: unknown;
      try {
        write(host);
      } catch (error) {
        failure = error;
      }
      expect(failure).toBeInstanceOf(expected);
      expect(String(failure)).toContain(PATH);
      expect(host.files.exists(PATH)).toBe(false);
    }
  }
});

test("a finished table survives a power cut once its directory is synced", () => {
  const host = newHost();
  const { meta } = writeTable(list, [], {}, host);
  host.files.syncDirectory("/db");
  const after = host.crash("lost");
  expect(openTable({ host: after, meta }).verify()).toEqual([]);
});

test("a read that fails is an error, and the same read right after it is right", () => {
  const host = newHost();
  const written = writeTable(list, [], {}, host);
  const opening = host.calls;
  openTable(written).close();
  const callsToOpen = host.calls - opening;
  for (let nth = 1; nth <= callsToOpen; nth++) {
    host.failAt(host.calls + nth, "EIO");
    expect(() => openTable(written)).toThrow(StorageError);
  }
  const table = TableReader.open(host, PATH, written.meta, STORE_ID, new BlockCache(0));
  const cursor = table.cursor();
  for (const entry of list.filter((_, i) => i % 301 === 0)) {
    for (let nth = 1; nth <= 2; nth++) {
      const fresh = openTable(written);
      host.failAt(host.calls + nth, "EIO");
      expect(() => find(fresh, entry.key, MAX_SEQUENCE)).toThrow(StorageError);
      expect(find(fresh, entry.key, MAX_SEQUENCE)).toEqual(entry);
    }
    host.failAt(host.calls + 1, "EIO");
    // Blocks that are still cached need no read, so the fault may come later: then it hits the next seek.
    try {
      cursor.seek(entry.key);
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      expect(cursor.valid).toBe(false);
      cursor.seek(entry.key);
    }
    expect(cursor.valid && cursor.sequence).toBe(entry.sequence);
  }
});
