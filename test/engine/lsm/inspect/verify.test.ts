/** verify() reads every byte of every file: no flipped bit passes, and nothing is wrong where nothing is. */
import { expect, test } from "vitest";
import { dumpDatabase, openLsmEngine, verifyDatabase } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { TINY, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

/** At most; where damage at the end of a log cannot be told from a torn write. */
const CLOSE_MARK_BYTES = 40;

const open = (host: SimulatedHost): Promise<LsmEngine> =>
  openLsmEngine({ path: "/db", host, ...TINY });

/** Tables in several levels and a log that holds commits. */
async function filled(): Promise<SimulatedHost> {
  const host = new SimulatedHost();
  const engine = await open(host);
  for (let i = 0; i < 60; i++)
    await engine.write({ ops: [put(`k${i}`, "x".repeat(60))], requires: [] });
  await engine.flush();
  for (let i = 0; i < 3; i++) await engine.write({ ops: [put(`l${i}`, "y")], requires: [] });
  await engine.close();
  return host;
}

test("a database in order has no problems, and the progress ends at all its bytes", async () => {
  const host = await filled();
  const { changes } = host;
  const steps: number[] = [];
  const result = await verifyDatabase({
    path: "/db",
    host,
    onProgress: ({ bytesDone, bytesTotal }) => steps.push(bytesDone / bytesTotal),
  });
  expect(result.problems).toEqual([]);
  expect(result.tables).toBeGreaterThan(1);
  expect(result.logs).toBe(1);
  expect(steps.at(-1)).toBe(1);
  expect(host.changes).toBe(changes);
  const engine = await open(host);
  expect(await engine.verify()).toEqual([]);
  await engine.close();
});

test("nothing is wrong while an edit is on the disk whose tables are not shown yet", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  const verified: Promise<readonly string[]>[] = [];
  let isLooking = false;
  host.onCall = ({ path, what }) => {
    if (isLooking || what !== "sync" || !path.includes("MANIFEST")) return;
    isLooking = true;
    verified.push(engine.verify());
    isLooking = false;
  };
  for (let i = 0; i < 60; i++)
    await engine.write({ ops: [put(`k${i}`, "x".repeat(60))], requires: [] });
  await engine.compact();
  host.onCall = undefined;
  expect(verified.length).toBeGreaterThan(3);
  for (const problems of await Promise.all(verified)) expect(problems).toEqual([]);
  await engine.close();
});

/** Where the close mark of a log begins; behind it the file holds zeros or what an older log left. */
function closeMarkOf(log: Uint8Array): number {
  const view = new DataView(log.buffer, log.byteOffset);
  let at = 40;
  while (log[at + 8] !== 2) at += 8 + view.getUint32(at, true);
  return at;
}

test("a flipped bit anywhere in any file is a problem that names the file", async () => {
  const host = await filled();
  const files = host.paths().filter((path) => !/LOCK|marker|\.spare/.test(path));
  let flips = 0;
  for (const path of files) {
    const whole = host.contentOf(path);
    const step = Math.max(1, Math.floor(whole.length / 25));
    // A close mark at the end of a log or manifest may as well be one that a power cut tore: no commit is lost with it.
    const end = path.endsWith(".log")
      ? closeMarkOf(whole)
      : whole.length - (path.endsWith(".sst") ? 0 : CLOSE_MARK_BYTES);
    for (let at = 0; at < end; at += step) {
      const rotten = whole.slice();
      rotten[at]! ^= 1 << (at % 8);
      host.damage(path, rotten);
      const { problems } = await verifyDatabase({ path: "/db", host });
      expect(problems.join("\n"), `byte ${at} of ${path}`).toContain(path);
      flips++;
    }
    host.damage(path, whole);
  }
  expect(flips).toBeGreaterThan(200);
  expect((await verifyDatabase({ path: "/db", host })).problems).toEqual([]);
});

test("several damaged files are all named, and a missing one too", async () => {
  const host = await filled();
  const tables = host.paths().filter((path) => path.endsWith(".sst"));
  const [first, second, third] = tables;
  for (const path of [first!, second!]) {
    const content = host.contentOf(path);
    content[content.length - 5]! ^= 1;
    host.damage(path, content);
  }
  host.files.remove(third!);
  const { problems } = await verifyDatabase({ path: "/db", host });
  for (const path of [first!, second!, third!]) {
    expect(problems.some((problem) => problem.startsWith(path))).toBe(true);
  }
});

test("an open engine finds damage in its manifest and its log while it works", async () => {
  const host = await filled();
  const engine = await openLsmEngine({ path: "/db", host });
  for (let i = 0; i < 9; i++) await engine.write({ ops: [put(`m${i}`, "z")], requires: [] });
  expect(await engine.verify()).toEqual([]);
  const manifest = host.paths().find((path) => path.includes("/MANIFEST"))!;
  const log = host.paths().find((path) => path.endsWith(".log"))!;
  for (const [path, at] of [
    [manifest, 50],
    [log, 60],
  ] as const) {
    const whole = host.contentOf(path);
    const rotten = whole.slice();
    rotten[at]! ^= 1;
    host.damage(path, rotten);
    const problems = await engine.verify();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(path);
    host.damage(path, whole);
  }
  expect(await engine.verify()).toEqual([]);
  await engine.close();
});

test("it is refused while the database is open, and where there is none", async () => {
  const host = await filled();
  const engine = await open(host);
  await expect(verifyDatabase({ path: "/db", host })).rejects.toMatchObject({
    _tag: "DatabaseLocked",
  });
  await engine.close();
  for (const path of ["/nowhere", "/"]) {
    await expect(verifyDatabase({ path, host })).rejects.toMatchObject({ code: "NoDatabase" });
    await expect(dumpDatabase({ path, host })).rejects.toMatchObject({ code: "NoDatabase" });
  }
});
