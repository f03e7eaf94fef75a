import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type * as NodeFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { nodeHost, storageFailure } from "../../../../src/engine/lsm/host/index.ts";

// What the operating system is made to answer; undefined: the real answer.
const answers = vi.hoisted(
  (): {
    writeSync?: ((length: number) => number) | undefined;
    sync?: (() => void) | undefined;
    syncCalls: number;
  } => ({ syncCalls: 0 }),
);
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof NodeFs>();
  const syncAnswer = (): void => {
    answers.syncCalls++;
    answers.sync?.();
  };
  return {
    ...fs,
    writeSync: (file: number, bytes: Uint8Array, at: number, length: number, offset: number) =>
      fs.writeSync(file, bytes, at, answers.writeSync?.(length) ?? length, offset),
    fdatasyncSync: (file: number) => {
      syncAnswer();
      fs.fdatasyncSync(file);
    },
    fdatasync: (file: number, done: (cause: Error | null) => void) => {
      try {
        syncAnswer();
      } catch (cause) {
        setImmediate(() => done(cause as Error));
        return;
      }
      fs.fdatasync(file, done);
    },
  };
});

const host = nodeHost();
const { files } = host;
let root: string;
let path: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kotobadb-host-"));
  path = join(root, "file");
});
afterEach(() => {
  answers.writeSync = undefined;
  answers.sync = undefined;
  answers.syncCalls = 0;
  rmSync(root, { recursive: true });
});

const systemError = (code: string): Error => Object.assign(new Error(code), { code });
const content = Uint8Array.from({ length: 1000 }, (_, i) => i);

describe("a file", () => {
  it("gives back what was written, where it was written", async () => {
    const file = files.open(path, "create");
    file.write(content, 100, 300, 50);
    await file.sync();
    expect(file.size()).toBe(250);
    const target = new Uint8Array(300);
    expect(file.read(target, 10, 300, 100)).toBe(150);
    expect(target.subarray(10, 160)).toEqual(content.subarray(150, 300));
    file.truncate(60);
    expect(files.size(path)).toBe(60);
    file.close();
  });

  it("reads beside the thread, to the end of the file, and finishes a read whose file was closed and removed", async () => {
    const file = files.open(path, "create");
    const long = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
    file.write(long, 0, long.length, 0);
    const target = new Uint8Array(long.length + 10);
    const whole = file.readAsync(target, 5, target.length, 0);
    const part = new Uint8Array(10);
    const end = file.readAsync(part, 0, 10, long.length - 3);
    file.close();
    files.remove(path);
    // A new file must not get the number of the one that is still read.
    const other = files.open(`${path}-other`, "create");
    expect(await whole).toBe(long.length);
    expect(target.subarray(5, 5 + long.length)).toEqual(long);
    expect(await end).toBe(3);
    await expect(file.readAsync(part, 0, 10, 0)).rejects.toBeInstanceOf(Closed);
    other.close();
  });

  it("continues writes that the system cut short", () => {
    answers.writeSync = (length) => Math.min(length, 7);
    const file = files.open(path, "create");
    file.write(content, 3, 1000, 0);
    file.close();
    expect(new Uint8Array(readFileSync(path))).toEqual(content.subarray(3));
  });

  it("says DiskFull, naming the file, when the second part of a write finds no room", () => {
    let calls = 0;
    answers.writeSync = (length) => {
      if (++calls === 2) throw systemError("ENOSPC");
      return length >> 1;
    };
    const file = files.open(path, "create");
    expect(() => file.write(content, 0, 1000, 0)).toThrow(DiskFull);
    answers.writeSync = undefined;
    expect(() => file.write(content, 0, 1000, 0)).not.toThrow();
    file.close();
  });

  it("fails a write that the system takes no byte of, instead of asking for ever", () => {
    answers.writeSync = () => 0;
    const file = files.open(path, "create");
    expect(() => file.write(content, 0, 1000, 0)).toThrow(/wrote nothing/);
    file.close();
  });

  it("never tries a failed sync again", async () => {
    for (const way of ["sync", "syncNow"] as const) {
      const file = files.open(join(root, way), "create");
      answers.syncCalls = 0;
      answers.sync = () => {
        throw systemError("EIO");
      };
      await expect(async () => file[way]()).rejects.toMatchObject({ code: "Io" });
      answers.sync = undefined;
      for (const again of ["sync", "syncNow"] as const) {
        await expect(async () => file[again]()).rejects.toMatchObject({ code: "ReadOnly" });
      }
      expect(() => file.write(content, 0, 1, 0)).toThrow(StorageError);
      expect(answers.syncCalls).toBe(1);
      file.close();
    }
  });

  it("may be closed while a sync is under way, which then still ends well", async () => {
    const file = files.open(path, "create");
    file.write(content, 0, 1000, 0);
    const synced = file.sync();
    file.close();
    await expect(synced).resolves.toBeUndefined();
    expect(() => file.size()).toThrow(Closed);
    await expect(file.sync()).rejects.toBeInstanceOf(Closed);
    file.close();
  });

  it("is opened to create only where there is none, else only where there is one", () => {
    expect(() => files.open(path, "read")).toThrow(/file=.*file, error=ENOENT/);
    expect(() => files.open(path, "write")).toThrow(StorageError);
    files.open(path, "create").close();
    expect(() => files.open(path, "create")).toThrow(/EEXIST/);
    const file = files.open(path, "read");
    expect(() => file.write(content, 0, 1, 0)).toThrow(StorageError);
    file.close();
  });
});

describe("names", () => {
  it("are made, listed, renamed over others, linked and removed", () => {
    const at = (name: string): string => join(root, name);
    files.makeDirectory(at("a/b/c"));
    files.makeDirectory(at("a/b/c"));
    expect(files.list(at("a/b"))).toEqual(["c"]);
    writeFileSync(at("x"), "x");
    writeFileSync(at("y"), "y");
    files.rename(at("x"), at("y"));
    files.link(at("y"), at("z"));
    files.syncDirectory(root);
    expect(files.list(root)).toEqual(["a", "y", "z"]);
    expect(readFileSync(at("z"), "utf8")).toBe("x");
    files.remove(at("y"));
    expect([files.exists(at("y")), files.exists(at("z"))]).toEqual([false, true]);
    expect(() => files.makeDirectory(at("z"))).toThrow(/EEXIST/);
    expect(() => files.remove(at("y"))).toThrow(/ENOENT/);
  });
});

it("keeps time, draws bytes and takes turns", async () => {
  const before = host.clock.monotonicMillis();
  await host.timers.sleep(2);
  await host.timers.pause();
  await new Promise<void>((resolved) => host.timers.soon(resolved));
  expect(host.clock.monotonicMillis()).toBeGreaterThan(before);
  expect(Math.abs(host.clock.nowMillis() - Date.now())).toBeLessThan(1_000);
  expect(host.random.bytes(16)).toHaveLength(16);
  expect(host.random.bytes(16)).not.toEqual(host.random.bytes(16));
});

it("names an error of the system once, and passes our own through", () => {
  const full = storageFailure(systemError("EDQUOT"), "/x");
  expect(full).toBeInstanceOf(DiskFull);
  expect(storageFailure(full, "/y")).toBe(full);
  // A limit of the size of files is a want of room like others.
  expect(storageFailure(systemError("EFBIG"), "/x")).toBeInstanceOf(DiskFull);
  expect(storageFailure(systemError("EMFILE"), "/x")).toMatchObject({ code: "Io" });
  expect(storageFailure("odd", "/x").message).toContain("odd");
});
