/** What opening does about damage: refuse it, stop before it, or go on behind it; and that nothing is destroyed. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, RecoveryMode } from "../../../../src/engine/lsm/index.ts";
import { TINY, bytes, entriesOf, put, text } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const PATH = "/db";
const open = (host: SimulatedHost, recovery: RecoveryMode, options = {}): Promise<LsmEngine> =>
  openLsmEngine({
    path: PATH,
    host,
    recovery,
    walFileBytes: 2_048,
    closeFlushBytesMax: 0,
    ...options,
  });
const keysOf = async (engine: LsmEngine): Promise<string[]> =>
  (await entriesOf(engine.snapshot())).map(([key]) => key);
const files = (host: SimulatedHost, ending: string): string[] =>
  host
    .paths()
    .filter(
      (path) => path.startsWith(`${PATH}/`) && path.endsWith(ending) && !path.includes("lost"),
    );

/** Ten commits k0 to k9 in one log, closed. */
async function tenCommits(): Promise<{ host: SimulatedHost; log: string }> {
  const host = new SimulatedHost();
  const engine = await open(host, "strict");
  for (let i = 0; i < 10; i++) await engine.write({ ops: [put(`k${i}`, "x")], requires: [] });
  await engine.close();
  const [log] = files(host, ".log");
  return { host, log: log! };
}

/** Changes the byte of the value of `key` in the file. */
function damageAt(host: SimulatedHost, path: string, key: string): void {
  const content = host.contentOf(path);
  const at = Buffer.from(content).indexOf(Buffer.from(key));
  expect(at).toBeGreaterThan(0);
  content[at + 2]! ^= 1;
  host.damage(path, content);
}

test("strict, the default, refuses a damaged log and changes nothing", async () => {
  const { host, log } = await tenCommits();
  damageAt(host, log, "k4");
  const before = host.paths().map((path) => [path, text(host.contentOf(path))]);
  await expect(openLsmEngine({ path: PATH, host })).rejects.toBeInstanceOf(CorruptionError);
  expect(host.paths().map((path) => [path, text(host.contentOf(path))])).toEqual(before);
});

test("point-in-time serves what came before the damage, says so, and keeps the log aside", async () => {
  const { host, log } = await tenCommits();
  damageAt(host, log, "k4");
  const damaged = host.contentOf(log);
  const engine = await open(host, "point-in-time");
  expect(await keysOf(engine)).toEqual(["k0", "k1", "k2", "k3"]);
  const { losses, ...report } = engine.recoveryReport;
  const name = log.slice(PATH.length + 1);
  expect(report).toEqual({ mode: "point-in-time", setAside: [name], commitsReplayed: 4 });
  expect(losses).toMatchObject([{ file: log, found: "a wrong checksum" }]);
  await engine.write({ ops: [put("new", "")], requires: [] });
  await engine.close();
  expect(host.contentOf(`${PATH}/lost/${name}`)).toEqual(damaged);
  const again = await open(host, "strict");
  expect(await keysOf(again)).toEqual(["k0", "k1", "k2", "k3", "new"]);
  expect(again.recoveryReport).toMatchObject({ mode: "strict", losses: [], setAside: [] });
  await again.close();
});

test("salvage leaves out the damaged commit and takes those behind it", async () => {
  const { host, log } = await tenCommits();
  damageAt(host, log, "k4");
  damageAt(host, log, "k8");
  const engine = await open(host, "salvage");
  expect(await keysOf(engine)).toEqual(["k0", "k1", "k2", "k3", "k5", "k6", "k7", "k9"]);
  expect(engine.recoveryReport.losses).toHaveLength(2);
  expect(engine.recoveryReport.commitsReplayed).toBe(8);
  await engine.close();
});

/** Two tables and a log: a0 to a9, b0 to b9, c0 to c9. */
async function twoTablesAndALog(): Promise<SimulatedHost> {
  const host = new SimulatedHost();
  const engine = await open(host, "strict", { l0TablesTrigger: 64 });
  for (const letter of ["a", "b", "c"]) {
    for (let i = 0; i < 10; i++) await engine.write({ ops: [put(letter + i, "x")], requires: [] });
    if (letter === "b") await engine.write({ ops: [put("a0", "newer")], requires: [] });
    if (letter !== "c") await engine.flush();
  }
  await engine.close();
  return host;
}

test("salvage leaves out a damaged or missing table, with a word about it", async () => {
  for (const isMissing of [false, true]) {
    const host = await twoTablesAndALog();
    const [first] = files(host, ".sst");
    const content = host.contentOf(first!);
    content[60]! ^= 1;
    if (isMissing) host.files.remove(first!);
    else host.damage(first!, content);
    const engine = await open(host, "salvage");
    expect(await keysOf(engine)).toEqual([
      "a0",
      ...["b", "c"].flatMap((letter) => [...Array(10).keys()].map((i) => letter + i)),
    ]);
    const name = first!.slice(PATH.length + 1);
    expect(engine.recoveryReport).toMatchObject({
      losses: [{ file: first }],
      setAside: isMissing ? [] : [name],
    });
    if (!isMissing) expect(host.contentOf(`${PATH}/lost/${name}`)).toEqual(content);
    expect(await engine.verify()).toEqual([]);
    await engine.close();
  }
});

test("salvage makes up for a lost or damaged manifest: every table counts, newest versions first", async () => {
  for (const damage of ["manifest", "marker", "no tables"] as const) {
    const host = damage === "no tables" ? (await tenCommits()).host : await twoTablesAndALog();
    const manifest = host.paths().find((path) => path.includes("/MANIFEST"))!;
    const marker = host.paths().find((path) => path.includes("/marker"))!;
    if (damage === "manifest") {
      const content = host.contentOf(manifest);
      content[50]! ^= 1;
      host.damage(manifest, content);
    } else host.files.remove(marker);
    await expect(open(host, "strict")).rejects.toBeInstanceOf(CorruptionError);
    await expect(open(host, "point-in-time")).rejects.toBeInstanceOf(CorruptionError);
    const engine = await open(host, "salvage");
    const rows = await entriesOf(engine.snapshot());
    expect(rows).toHaveLength(damage === "no tables" ? 10 : 30);
    if (damage !== "no tables") expect(rows[0]).toEqual(["a0", "newer"]);
    expect(await engine.verify()).toEqual([]);
    await engine.write({ ops: [put("a0", "newest")], requires: [] });
    await engine.close();
    const again = await open(host, "strict");
    expect(text(await again.snapshot().get(bytes("a0")))).toBe("newest");
    await again.close();
  }
});

test("a power cut anywhere while damage is left out loses nothing more, and nothing that was set aside", async () => {
  for (const mode of ["point-in-time", "salvage"] as const) {
    const { host: disk, log } = await tenCommits();
    damageAt(disk, log, "k4");
    const name = log.slice(PATH.length + 1);
    const damaged = disk.contentOf(log);
    const host = disk.crash("kept");
    const cuts: SimulatedHost[] = [];
    host.onCall = ({ change }) => {
      if (change !== undefined)
        cuts.push(host.afterPowerCut("seeded", change), host.afterPowerCut("lost", change));
    };
    const engine = await open(host, mode, TINY);
    const wanted = await keysOf(engine);
    await engine.close();
    expect(cuts.length).toBeGreaterThan(20);
    for (const cut of cuts) {
      const survivor = await open(cut, mode, TINY);
      expect(await keysOf(survivor)).toEqual(wanted);
      await survivor.close();
      expect(cut.contentOf(`${PATH}/lost/${name}`)).toEqual(damaged);
    }
  }
});
