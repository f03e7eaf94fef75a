/** The journal of names and sizes, the rules of Windows, slow calls, and the trace. */
import { describe, expect, it } from "vitest";
import type { FileHandle } from "../../../src/engine/lsm/host/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";

function write(file: FileHandle, value: number, length = 1, offset = 0): void {
  file.write(new Uint8Array(length).fill(value), 0, length, offset);
}
function outcomes(make: (host: SimulatedHost) => void, seeds = 40): string[] {
  const seen = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    const host = new SimulatedHost({ seed });
    make(host);
    const after = host.crash("journal", seed);
    seen.add(
      after
        .paths()
        .map((path) => `${path} ${after.contentOf(path).length}`)
        .join(),
    );
  }
  return [...seen].sort();
}

describe("a journal of names and sizes", () => {
  it("keeps a prefix of their changes", () => {
    const seen = outcomes((host) => {
      write(host.files.open("/a", "create"), 1, 10);
      host.files.open("/b", "create");
      host.files.rename("/a", "/c");
    });
    expect(seen).toEqual(["", "/a 0", "/a 10", "/a 10,/b 0", "/b 0,/c 10"]);
  });

  it("has written down all that came before the sync of a file, other names too", () => {
    const seen = outcomes((host) => {
      host.files.open("/a", "create");
      host.files.open("/b", "create").syncNow();
      host.files.remove("/a");
    });
    expect(seen).toEqual(["/a 0,/b 0", "/b 0"]);
  });

  it("shows a size only with the bytes that were written for it", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const host = new SimulatedHost({ seed });
      write(host.files.open("/a", "create"), 1, 3_000);
      const after = host.crash("journal", seed);
      if (after.paths().length > 0)
        expect(after.contentOf("/a").every((byte) => byte === 1)).toBe(true);
    }
  });

  it("tears what is overwritten like every disk", () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const host = new SimulatedHost({ seed });
      const file = host.files.open("/a", "create");
      write(file, 1, 1_024);
      file.syncNow();
      write(file, 2, 1_024);
      const content = host.crash("journal", seed).contentOf("/a");
      seen.add(`${content[0]}${content[512]}`);
    }
    expect([...seen].sort()).toEqual(["11", "12", "21", "22"]);
  });
});

describe("rules of Windows", () => {
  it("let nobody remove, rename or replace a file that is open", async () => {
    const host = new SimulatedHost({ rules: "windows" });
    const file = host.files.open("/a", "create");
    host.files.open("/b", "create").close();
    expect(() => host.files.remove("/a")).toThrow("EBUSY");
    expect(() => host.files.rename("/a", "/c")).toThrow("EBUSY");
    expect(() => host.files.rename("/b", "/a")).toThrow("EBUSY");
    const synced = file.sync();
    file.close();
    expect(() => host.files.remove("/a"), "a sync is under way").toThrow("EBUSY");
    await synced;
    host.files.rename("/b", "/a");
    host.files.remove("/a");
    expect(host.paths()).toEqual([]);
  });

  it("make names durable with the sync of a file, and never with that of a directory", () => {
    const host = new SimulatedHost({ rules: "windows" });
    const file = host.files.open("/a", "create");
    host.files.syncDirectory("/");
    expect(host.afterPowerCut("lost").paths()).toEqual([]);
    file.syncNow();
    expect(host.afterPowerCut("lost").paths()).toEqual(["/a"]);
    expect(host.crash("lost").rules).toBe("windows");
  });
});

describe("slow calls", () => {
  it("take their time, and syncs that run side by side end in an order of the seed", async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const host = new SimulatedHost({ seed, writeMillis: 2, syncMillis: { least: 1, most: 9 } });
      const files = ["/a", "/b", "/c"].map((path) => host.files.open(path, "create"));
      for (const file of files) write(file, 1);
      expect(host.clock.monotonicMillis()).toBe(6);
      const ended: string[] = [];
      await Promise.all(files.map((file) => file.sync().then(() => ended.push(file.path))));
      expect(host.clock.monotonicMillis()).toBeGreaterThan(6);
      expect(host.clock.monotonicMillis()).toBeLessThanOrEqual(15);
      orders.add(ended.join());
    }
    expect(orders.size).toBeGreaterThan(3);
  });
});

describe("the trace", () => {
  it("has a line for each call: number, call, path, place, checksum, fault, time", () => {
    const host = new SimulatedHost({ traced: true, writeMillis: 1.5 });
    const file = host.files.open("/a", "create");
    write(file, 7, 3, 2);
    host.failAt(3, "EIO");
    expect(() => file.read(new Uint8Array(9), 0, 9, 0)).toThrow("EIO");
    host.files.rename("/a", "/b");
    expect(() => host.files.remove("/a")).toThrow("ENOENT");
    expect(host.trace).toEqual([
      "1 open /a 1700000000000.000 ms",
      "2 write /a at 2 3 bytes d0f07b5c 1700000000001.500 ms",
      "3 read /a EIO 1700000000001.500 ms",
      "4 rename /a to /b 1700000000001.500 ms",
      "5 remove /a refused 1700000000001.500 ms",
    ]);
    expect(new SimulatedHost().trace).toEqual([]);
  });
});
