import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DatabaseLocked } from "../../../../src/engine/contract/index.ts";
import { takePidLock } from "../../../../src/engine/lsm/host/pid-lock.ts";

const psIsMissing = spawnSync("ps").error !== undefined;
const holder = { pid: process.pid, host: "here", started: "2025-01-01T00:00:00.000Z" };
const describeHolder = (other: { readonly pid: number } | undefined): string =>
  `process ${other?.pid}`;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kotobadb-pid-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const take = (): (() => Promise<void>) => takePidLock(directory, holder, describeHolder);
const leaveBehind = (record: object): void =>
  writeFileSync(join(directory, "PID"), JSON.stringify({ ...holder, ...record }));

it("is taken once, and free after release, with nothing left behind", async () => {
  const free = take();
  expect(take).toThrow(DatabaseLocked);
  await free();
  await take()();
  expect(readdirSync(directory)).toEqual([]);
});

it.skipIf(psIsMissing)(
  "is free when the holder is dead, or its process id belongs to another process by now",
  async () => {
    leaveBehind({ pid: 2 ** 22 + 1, processStarted: "Mon Jan  1 00:00:00 2024" });
    await take()();
    leaveBehind({ pid: process.pid, processStarted: "Mon Jan  1 00:00:00 2024" });
    await take()();
    expect(readdirSync(directory)).toEqual([]);
  },
);

it("is held when it cannot be told whether the holder lives", () => {
  leaveBehind({ host: "elsewhere", pid: 2 ** 22 + 1, processStarted: "x" });
  expect(take).toThrow(/process 4194305/);
  leaveBehind({ pid: 2 ** 22 + 1 });
  expect(take).toThrow(DatabaseLocked);
});

it("is refused while another takes over, saying which file to remove if nobody does", () => {
  leaveBehind({ pid: 2 ** 22 + 1, processStarted: "x" });
  writeFileSync(join(directory, "TAKEOVER"), "");
  expect(take).toThrow(/remove .*TAKEOVER/);
});

it("is free when a power cut left its file empty", async () => {
  writeFileSync(join(directory, "PID"), "");
  await take()();
});

it("is held when its file holds what no process of ours writes", () => {
  for (const text of ["null", "5", "[]", '{"pid":"1","host":"here","started":""}']) {
    writeFileSync(join(directory, "PID"), text);
    expect(take, text).toThrow(DatabaseLocked);
  }
});
