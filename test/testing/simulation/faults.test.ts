/** What each fault does to a call, to the bytes and to what a power cut keeps; and that lasting faults can be lifted. */
import { describe, expect, it } from "vitest";
import { DiskFull, StorageError } from "../../../src/engine/contract/index.ts";
import type { FileHandle } from "../../../src/engine/lsm/host/index.ts";
import { SimulatedHost, faultFits } from "../../../src/testing/index.ts";
import type { Fault } from "../../../src/testing/index.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function write(file: FileHandle, content: Uint8Array, offset = 0): void {
  file.write(content, 0, content.length, offset);
}
function read(file: FileHandle, length: number, offset = 0): Uint8Array {
  const target = filled(length, 255);
  return target.subarray(0, file.read(target, 0, length, offset));
}
/** A durable file with this content. */
function durable(host: SimulatedHost, path: string, content: Uint8Array): FileHandle {
  const file = host.files.open(path, "create");
  write(file, content);
  file.syncNow();
  host.files.syncDirectory("/");
  return file;
}
function failNext(host: SimulatedHost, fault: Fault): void {
  host.failAt(host.calls + 1, fault);
}

describe("errors", () => {
  it("do nothing, a part of the work, or all of it before they are told", async () => {
    const host = new SimulatedHost({ seed: 3 });
    const file = durable(host, "/a", filled(100, 1));
    const sizes: number[] = [];
    for (const fault of ["EIO", "EIO-part", "EIO-after"] as const) {
      failNext(host, fault);
      expect(() => write(file, filled(100, 2)), fault).toThrow("EIO");
      sizes.push(host.contentOf("/a").filter((byte) => byte === 2).length);
    }
    expect(sizes[0]).toBe(0);
    expect(sizes[1]).toBeGreaterThan(0);
    expect(sizes[1]).toBeLessThan(100);
    expect(sizes[2]).toBe(100);
    failNext(host, "EIO-after");
    await expect(file.sync()).rejects.toBeInstanceOf(StorageError);
    expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(filled(100, 2));
    failNext(host, "ENOMEM-after");
    expect(() => host.files.rename("/a", "/b")).toThrow("ENOMEM");
    expect(host.paths()).toEqual(["/b"]);
  });

  it("last from a call on where they are told to, until they are lifted", () => {
    const host = new SimulatedHost();
    const file = durable(host, "/a", bytes(1));
    host.failFrom(host.calls + 2, "EDQUOT", ({ what }) => what === "write");
    write(file, bytes(2));
    for (let i = 0; i < 3; i++) expect(() => write(file, bytes(3))).toThrow(DiskFull);
    expect(read(file, 1)).toEqual(bytes(2));
    expect(host.faultsMet).toBe(3);
    host.heal();
    write(file, bytes(3));
    expect(read(file, 1)).toEqual(bytes(3));
  });

  it("of a sync once, and then every later one lies, through another handle too", async () => {
    const host = new SimulatedHost();
    const file = durable(host, "/a", bytes(1));
    write(file, bytes(2));
    failNext(host, "EIO");
    await expect(file.sync()).rejects.toBeInstanceOf(StorageError);
    const other = host.files.open("/a", "write");
    await other.sync();
    expect(read(other, 1)).toEqual(bytes(2));
    expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes(1));
    write(other, bytes(3));
    await other.sync();
    expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes(3));
  });
});

describe("lies in reads", () => {
  const changed = (fault: Fault, prepare?: (host: SimulatedHost) => void): Uint8Array => {
    const host = new SimulatedHost({ seed: 5 });
    const file = durable(host, "/a", filled(1_000, 1));
    prepare?.(host);
    failNext(host, fault);
    const content = read(file, 1_000);
    expect(read(file, 1_000), "this once").toEqual(host.contentOf("/a"));
    return content;
  };

  it("give fewer bytes, or one bit changed", () => {
    expect(changed("short-read").length).toBeLessThan(1_000);
    const flipped = changed("flipped-read").filter((byte) => byte !== 1);
    expect(flipped).toHaveLength(1);
    expect([0, 3, 5, 9, 17, 33, 65, 129]).toContain(flipped[0]);
  });

  it("give what was there before the last write, and zeros where nothing was", () => {
    const stale = changed("stale-read", (host) => {
      write(host.files.open("/a", "write"), filled(500, 2), 500);
    });
    expect([...stale]).toEqual([...filled(1_000, 1)]);
    const host = new SimulatedHost();
    const file = durable(host, "/b", bytes(1, 2));
    write(file, bytes(3, 4), 2);
    failNext(host, "stale-read");
    expect(read(file, 4)).toEqual(bytes(1, 2, 0, 0));
  });

  it("give the bytes of another place, as many as there should be", () => {
    const content = changed("misdirected-read", (host) => durable(host, "/b", filled(300, 7)));
    expect(content).toHaveLength(1_000);
    expect(content).not.toEqual(filled(1_000, 1));
  });
});

describe("lies in writes and syncs", () => {
  it("lose the bytes, a part of them, or a bit, and say nothing", () => {
    for (const fault of ["lost-write", "short-write", "flipped-write"] as const) {
      const host = new SimulatedHost({ seed: 9 });
      const file = durable(host, "/a", filled(100, 1));
      failNext(host, fault);
      write(file, filled(100, 2));
      const wrong = host.contentOf("/a").filter((byte) => byte !== 2).length;
      if (fault === "lost-write") expect(wrong).toBe(100);
      else if (fault === "flipped-write") expect(wrong).toBe(1);
      else expect(wrong).toBeGreaterThan(0);
    }
  });

  it("put the bytes elsewhere", () => {
    const places = new Set<string>();
    for (let seed = 1; seed < 20; seed++) {
      const host = new SimulatedHost({ seed });
      const file = durable(host, "/a", filled(4_000, 1));
      durable(host, "/b", filled(4_000, 1));
      failNext(host, "misdirected-write");
      write(file, filled(10, 2), 2_048);
      const [a, b] = [host.contentOf("/a"), host.contentOf("/b")];
      expect(a[2_048]).toBe(1);
      places.add(`${a.includes(2)} ${b.includes(2)}`);
    }
    expect([...places].sort()).toEqual(["false true", "true false"]);
  });

  it("call durable what is not, until a later sync or for good", async () => {
    for (const fault of ["lying-sync", "dropping-sync"] as const) {
      const host = new SimulatedHost();
      const file = durable(host, "/a", bytes(1));
      write(file, bytes(2));
      failNext(host, fault);
      await file.sync();
      expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes(1));
      await file.sync();
      const after = fault === "lying-sync" ? 2 : 1;
      expect(host.afterPowerCut("lost").contentOf("/a")).toEqual(bytes(after));
    }
    const host = new SimulatedHost();
    host.files.open("/a", "create").syncNow();
    failNext(host, "lying-sync");
    host.files.syncDirectory("/");
    expect(host.afterPowerCut("lost").paths()).toEqual([]);
  });

  it("come only in calls that they fit", () => {
    const host = new SimulatedHost();
    const file = durable(host, "/a", bytes(1));
    failNext(host, "lost-write");
    expect(read(file, 1)).toEqual(bytes(1));
    expect(host.faultsMet).toBe(0);
    expect(faultFits("lost-write", "write")).toBe(true);
    expect(faultFits("lost-write", "read")).toBe(false);
    expect(faultFits("EIO", "rename")).toBe(true);
  });
});
