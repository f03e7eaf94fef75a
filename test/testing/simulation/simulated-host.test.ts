import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DatabaseLocked, DiskFull, StorageError } from "../../../src/engine/contract/index.ts";
import type { FileHandle, Host } from "../../../src/engine/lsm/host/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function write(file: FileHandle, content: Uint8Array, offset = 0): void {
  file.write(content, 0, content.length, offset);
}

/** A durable file with this content. */
function durableFile(host: Host, path: string, content: Uint8Array): FileHandle {
  const file = host.files.open(path, "create");
  write(file, content);
  file.syncNow();
  host.files.syncDirectory("/");
  return file;
}

describe("what a power cut keeps", () => {
  it("keeps what was synced, name and bytes", () => {
    const host = new SimulatedHost();
    durableFile(host, "/a", bytes(1, 2, 3));
    for (const unsynced of ["lost", "kept", "seeded"] as const) {
      expect(host.afterPowerCut(unsynced).contentOf("/a")).toEqual(bytes(1, 2, 3));
    }
  });

  it("loses a synced file whose name was never synced, or keeps it whole", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const host = new SimulatedHost({ seed });
      const file = host.files.open("/a", "create");
      write(file, bytes(1, 2, 3));
      file.syncNow();
      const after = host.crash();
      outcomes.add(after.paths().length === 0 ? "lost" : String(after.contentOf("/a")));
    }
    expect([...outcomes].sort()).toEqual(["1,2,3", "lost"]);
  });

  it("tears an unsynced write at sector borders, each sector old or new", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const host = new SimulatedHost({ seed });
      const file = durableFile(host, "/a", new Uint8Array(1024).fill(1));
      write(file, new Uint8Array(1024).fill(2));
      const content = host.crash().contentOf("/a");
      const sectors = [content.subarray(0, 512), content.subarray(512)].map((sector) => {
        expect(new Set(sector).size, "a sector is whole").toBe(1);
        return sector[0];
      });
      outcomes.add(sectors.join());
    }
    expect([...outcomes].sort()).toEqual(["1,1", "1,2", "2,1", "2,2"]);
  });

  it("gives a growing file one of the sizes it had, with zeros where a sector was not written", () => {
    const sizes = new Set<number>();
    let zeroed = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const host = new SimulatedHost({ seed });
      const file = durableFile(host, "/a", bytes());
      write(file, new Uint8Array(600).fill(1), 0);
      write(file, new Uint8Array(600).fill(2), 600);
      const content = host.crash().contentOf("/a");
      sizes.add(content.length);
      if (content.length === 1200 && content[0] === 0) zeroed++;
    }
    expect([...sizes].sort((a, b) => a - b)).toEqual([0, 600, 1200]);
    expect(zeroed).toBeGreaterThan(0);
  });

  it("loses or keeps a rename as one step, and never both names", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const host = new SimulatedHost({ seed });
      durableFile(host, "/a", bytes(1));
      host.files.rename("/a", "/b");
      outcomes.add(host.crash().paths().join());
    }
    expect([...outcomes].sort()).toEqual(["/a", "/b"]);
  });

  it("may bring back a removed file until its directory is synced", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const host = new SimulatedHost({ seed });
      durableFile(host, "/a", bytes(1));
      host.files.remove("/a");
      outcomes.add(host.afterPowerCut().paths().join());
      host.files.syncDirectory("/");
      expect(host.crash().paths()).toEqual([]);
    }
    expect([...outcomes].sort()).toEqual(["", "/a"]);
  });

  it("keeps directories that makeDirectory made", () => {
    const host = new SimulatedHost();
    host.files.makeDirectory("/a/b/c");
    expect(host.crash("lost").files.list("/a/b")).toEqual(["c"]);
  });

  it("keeps two names of a file the same file", () => {
    const host = new SimulatedHost();
    durableFile(host, "/a", bytes(1));
    host.files.link("/a", "/b");
    host.files.syncDirectory("/");
    const after = host.crash();
    write(after.files.open("/a", "write"), bytes(9));
    expect(after.contentOf("/b")).toEqual(bytes(9));
  });

  it("covers with a sync what was written before the call, not what came while it ran", async () => {
    const host = new SimulatedHost();
    const file = durableFile(host, "/a", bytes());
    write(file, bytes(1), 0);
    const synced = file.sync();
    write(file, bytes(2), 1);
    expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes());
    await synced;
    expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes(1));
  });

  it("lets no sync succeed that the power cut overtook", async () => {
    const host = new SimulatedHost();
    const file = durableFile(host, "/a", bytes());
    const synced = file.sync();
    host.crash();
    await expect(synced).rejects.toBeInstanceOf(StorageError);
  });

  it("fails every further call on the dead host, and none on what survived", () => {
    const host = new SimulatedHost();
    const file = durableFile(host, "/a", bytes(1));
    const after = host.crash();
    expect(() => write(file, bytes(1))).toThrow(StorageError);
    expect(() => file.read(bytes(0), 0, 1, 0)).toThrow(StorageError);
    expect(() => host.files.exists("/a")).toThrow(StorageError);
    expect(after.files.exists("/a")).toBe(true);
  });

  it("is one of what the orders of sector writes could leave, compared with a plain model", () => {
    const op = fc.oneof(
      fc.record({ at: fc.nat(1500), length: fc.integer({ min: 1, max: 900 }) }),
      fc.constant("sync" as const),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 12 }), fc.nat(), (ops, seed) => {
        const host = new SimulatedHost({ seed });
        const file = durableFile(host, "/a", bytes());
        // All the values that each byte had since the last sync; each of them may be there, and nothing else.
        let possible: Set<number>[] = [];
        let sizes = new Set([0]);
        let value = 0;
        for (const step of ops) {
          if (step === "sync") {
            file.syncNow();
            const content = host.contentOf("/a");
            possible = [...content].map((byte) => new Set([byte]));
            sizes = new Set([content.length]);
            continue;
          }
          value++;
          write(file, new Uint8Array(step.length).fill(value), step.at);
          const size = host.contentOf("/a").length;
          sizes.add(size);
          while (possible.length < size) possible.push(new Set([0]));
          for (let i = 0; i < step.length; i++) possible[step.at + i]!.add(value);
        }
        const survivor = host.crash().contentOf("/a");
        expect(sizes.has(survivor.length)).toBe(true);
        survivor.forEach((byte, i) => expect(possible[i]!.has(byte), `byte ${i}`).toBe(true));
      }),
      { numRuns: 60 },
    );
  });
});

describe("faults", () => {
  it("fails the call that was named, and only that one", () => {
    const host = new SimulatedHost();
    host.failAtChange(2, "EIO");
    const file = host.files.open("/a", "create");
    expect(() => write(file, bytes(1, 2))).toThrow(StorageError);
    expect(host.contentOf("/a")).toEqual(bytes());
    write(file, bytes(1, 2));
    expect(host.contentOf("/a")).toEqual(bytes(1, 2));
  });

  it("says DiskFull for ENOSPC, with nothing or a part of the bytes written", () => {
    const host = new SimulatedHost({ seed: 3 });
    const file = host.files.open("/a", "create");
    host.failAt(host.calls + 1, "ENOSPC");
    expect(() => write(file, new Uint8Array(100).fill(1))).toThrow(DiskFull);
    expect(host.contentOf("/a")).toHaveLength(0);
    host.failAt(host.calls + 1, "ENOSPC-part");
    expect(() => write(file, new Uint8Array(100).fill(1))).toThrow(DiskFull);
    expect(host.contentOf("/a").length).toBeGreaterThan(0);
    expect(host.contentOf("/a").length).toBeLessThan(100);
  });

  it("never makes durable what a failed sync covered, though reads show it", async () => {
    for (const way of ["sync", "syncNow"] as const) {
      const host = new SimulatedHost();
      const file = durableFile(host, "/a", bytes(1));
      write(file, bytes(2));
      host.failAtChange(host.changes + 1, "EIO");
      await expect(async () => file[way]()).rejects.toBeInstanceOf(StorageError);
      await expect(async () => file[way]()).rejects.toMatchObject({ code: "ReadOnly" });
      const again = host.files.open("/a", "write");
      again.syncNow();
      expect(host.contentOf("/a")).toEqual(bytes(2));
      expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes(1));
    }
  });

  it("cuts the power in the call that was named: its work is done or not, never synced", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const host = new SimulatedHost({ seed });
      const file = durableFile(host, "/a", bytes(1));
      host.failAtChange(host.changes + 1, "power-cut");
      expect(() => write(file, bytes(2))).toThrow(StorageError);
      expect(host.dead).toBe(true);
      outcomes.add(String(host.crash().contentOf("/a")));
    }
    expect([...outcomes].sort()).toEqual(["1", "2"]);
  });

  it("refuses what a real file system refuses", () => {
    const host = new SimulatedHost();
    host.files.makeDirectory("/d");
    durableFile(host, "/a", bytes(1));
    expect(() => host.files.open("/a", "create")).toThrow("EEXIST");
    expect(() => host.files.open("/b", "read")).toThrow("ENOENT");
    expect(() => host.files.open("/x/b", "create")).toThrow("ENOENT");
    expect(() => host.files.open("/d", "read")).toThrow("EISDIR");
    expect(() => host.files.remove("/b")).toThrow("ENOENT");
    expect(() => host.files.list("/a")).toThrow("ENOTDIR");
    expect(() => host.files.link("/a", "/a")).toThrow("EEXIST");
    expect(() => write(host.files.open("/a", "read"), bytes(1))).toThrow("EBADF");
  });
});

describe("determinism", () => {
  it("repeats a run exactly from its seed, calls, bytes and survivors", async () => {
    const run = async (seed: number): Promise<string> => {
      const calls: string[] = [];
      const host = new SimulatedHost({ seed, onCall: (call) => calls.push(JSON.stringify(call)) });
      for (let i = 0; i < 6; i++) {
        const file = host.files.open(`/f${i}`, "create");
        write(file, host.random.bytes(900));
        if (i % 2 === 0) await file.sync();
        if (i === 3) host.files.syncDirectory("/");
      }
      await host.timers.sleep(50);
      const after = host.crash();
      const contents = after.paths().map((path) => [path, [...after.contentOf(path)]]);
      return JSON.stringify([calls, contents, after.clock.nowMillis()]);
    };
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
  });

  it("moves the clock by sleepers only, in the order of their waking", async () => {
    const host = new SimulatedHost();
    const began = host.clock.nowMillis();
    const woken: string[] = [];
    const sleep = async (name: string, millis: number): Promise<void> => {
      await host.timers.sleep(millis);
      woken.push(`${name} at ${host.clock.nowMillis() - began}`);
    };
    await Promise.all([sleep("late", 500), sleep("soon", 10), sleep("also soon", 10)]);
    expect(woken).toEqual(["soon at 10", "also soon at 10", "late at 500"]);
    expect(host.clock.monotonicMillis()).toBe(500);
  });

  it("locks a directory once", async () => {
    const host = new SimulatedHost();
    host.files.makeDirectory("/data");
    const lock = await host.files.lock("/data");
    await expect(host.files.lock("/data/")).rejects.toBeInstanceOf(DatabaseLocked);
    await lock.release();
    await (await host.files.lock("/data")).release();
  });
});

describe("slow reads", () => {
  it("take their time by the clock of the host, blocking or beside each other", async () => {
    const host = new SimulatedHost({ readMillis: 4 });
    const file = durableFile(host, "/a", bytes(1, 2, 3));
    const now = (): number => host.clock.monotonicMillis();
    const target = new Uint8Array(3);
    file.read(target, 0, 3, 0);
    expect(now()).toBe(4);
    const later = new Uint8Array(6);
    const both = [file.readAsync(later, 0, 3, 0), file.readAsync(later, 3, 6, 1)];
    expect([...later]).toEqual([0, 0, 0, 0, 0, 0]);
    file.close();
    expect(await Promise.all(both)).toEqual([3, 2]);
    expect([...later]).toEqual([1, 2, 3, 2, 3, 0]);
    expect(now()).toBe(8);
  });

  it("fail as they are told to, and with the host", async () => {
    const host = new SimulatedHost({ readMillis: 4 });
    const file = durableFile(host, "/a", bytes(1, 2, 3));
    host.failAt(host.calls + 1, "EIO");
    const target = new Uint8Array(3);
    await expect(file.readAsync(target, 0, 3, 0)).rejects.toMatchObject({ code: "Io" });
    const cut = file.readAsync(target, 0, 3, 0);
    host.crash();
    await expect(cut).rejects.toBeInstanceOf(StorageError);
  });
});
