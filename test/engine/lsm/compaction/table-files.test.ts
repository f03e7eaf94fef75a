/** A database of more tables than files may be open. */
import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import type { FileHandle, FileSystem } from "../../../../src/engine/lsm/host/index.ts";
import { TableFiles } from "../../../../src/engine/lsm/compaction/table-files.ts";
import { bytes, entriesOf, text } from "../support.ts";
import { filled, keyOf, valueOf } from "../read/slow-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

/** Ten files of one byte each, and how many of them are open. */
function tenFiles(): { files: Pick<FileSystem, "open">; isOpen: Set<string>; all: FileSystem } {
  const { files: disk } = new SimulatedHost();
  const isOpen = new Set<string>();
  for (let i = 0; i < 10; i++) {
    const file = disk.open(`/${i}`, "create");
    file.write(Uint8Array.of(i), 0, 1, 0);
    file.close();
  }
  const open = (path: string): FileHandle => {
    expect(isOpen.has(path)).toBe(false);
    const file = disk.open(path, "read");
    isOpen.add(path);
    const close = file.close.bind(file);
    file.close = () => {
      isOpen.delete(path);
      close();
    };
    return file;
  };
  const all: FileSystem = { ...disk, open };
  return { files: all, isOpen, all };
}

test("never more files are open than may be, and each is read as if it were", async () => {
  const { all, isOpen } = tenFiles();
  const files = new TableFiles(all, 3);
  const opened = Array.from({ length: 10 }, (_, i) => files.open(`/${i}`, "read"));
  const target = new Uint8Array(1);
  for (let i = 0; i < 200; i++) {
    const n = (i * 7 + (i >> 3)) % 10;
    expect(opened[n]!.read(target, 0, 1, 0)).toBe(1);
    expect(target[0]).toBe(n);
    expect(isOpen.size).toBeLessThanOrEqual(3);
    expect(files.stats.openFiles).toBe(isOpen.size);
  }
  expect(files.stats.filesReopened).toBeGreaterThan(20);
  const later = new Uint8Array(10);
  await Promise.all(opened.map((file, n) => file.readAsync(later, n, n + 1, 0)));
  expect([...later]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const file of opened) file.close();
  expect([isOpen.size, files.stats.openFiles]).toEqual([0, 0]);
  expect(() => opened[4]!.read(target, 0, 1, 0)).toThrow(Closed);
  await expect(opened[4]!.readAsync(target, 0, 1, 0)).rejects.toBeInstanceOf(Closed);
});

test("a file that is read over and over stays open while others come and go", () => {
  const { all, isOpen } = tenFiles();
  const files = new TableFiles(all, 3);
  const opened = Array.from({ length: 10 }, (_, i) => files.open(`/${i}`, "read"));
  const target = new Uint8Array(1);
  opened[0]!.read(target, 0, 1, 0);
  for (let i = 0; i < 50; i++) {
    opened[0]!.read(target, 0, 1, 0);
    opened[1 + (i % 9)]!.read(target, 0, 1, 0);
    expect(isOpen.has("/0")).toBe(true);
  }
});

test("an engine of many tables reads, compacts and checks them with eight files open", async () => {
  for (const slowReadMicros of [0, 1_000_000]) {
    const host = new SimulatedHost();
    const engine = await filled(host, 500, { openTablesMax: 8, slowReadMicros });
    expect(engine.stats()["sstableCount"]).toBeGreaterThan(40);
    const view = engine.snapshot();
    expect(await entriesOf(view)).toHaveLength(500);
    for (let i = 0; i < 500; i += 9) {
      expect(text(await view.get(bytes(keyOf(i))))).toBe(valueOf(i));
      expect(engine.stats()["openFiles"]).toBeLessThanOrEqual(8);
    }
    expect(engine.stats()["filesReopened"]).toBeGreaterThan(40);
    expect(await engine.verify()).toEqual([]);
    view.close();
    await engine.compact();
    await engine.close();
  }
});
