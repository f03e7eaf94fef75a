/** A checkpoint is a database of its own, at one commit; cut short, it is none. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { Host, LsmEngine } from "../../../../src/engine/lsm/index.ts";
import { ROUNDS, TINY, bytes, entriesOf, put, text } from "../support.ts";
import { Dice, PATH, checkSurvivor, sorted } from "../workload.ts";
import type { State } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const COPY = "/home/backup/copy";

/** Commit `i` writes some keys and says its number under "n", so that a state tells which one it is. */
class Writer {
  readonly states: State[] = [new Map()];
  readonly #dice: Dice;
  readonly #engine: LsmEngine;

  constructor(engine: LsmEngine, seed: number) {
    this.#engine = engine;
    this.#dice = new Dice(seed);
  }
  get newest(): number {
    return this.states.length - 1;
  }
  write(): Promise<unknown> {
    const i = this.states.length;
    const keys = new Set([0, 1, 2].map(() => `k${this.#dice.below(20)}`));
    const ops = [...keys].map((key) => put(key, `${i}:${"x".repeat(this.#dice.below(150))}`));
    const state = new Map(this.states.at(-1));
    for (const op of [...ops, put("n", String(i))]) {
      if (op.op === "put") state.set(text(op.key)!, text(op.value)!);
    }
    this.states.push(state);
    return Promise.resolve(
      this.#engine.write({ ops: [...ops, put("n", String(i))], requires: [] }),
    );
  }
}

const open = (host: Host, path = PATH): Promise<LsmEngine> =>
  openLsmEngine({ path, host, ...TINY });

/** Which commit the copy stands at; it must be whole. */
async function commitOf(host: Host, path: string, states: readonly State[]): Promise<number> {
  const engine = await openLsmEngine({ path, host, ...TINY, readOnly: true });
  try {
    const rows = await entriesOf(engine.snapshot());
    const newest = Number(new Map(rows).get("n") ?? "0");
    expect(rows).toEqual(sorted(states[newest]!));
    expect(await engine.verify()).toEqual([]);
    return newest;
  } finally {
    await engine.close();
  }
}

for (let round = 0; round < ROUNDS; round++) {
  const seed = 11 + round;
  test(`taken while writers write, it is some whole commit at or after the call; a power cut at any call leaves that or no database, seed ${seed}`, async () => {
    const host = new SimulatedHost({ seed });
    const engine = await open(host);
    const writer = new Writer(engine, seed);
    for (let i = 0; i < 40; i++) await writer.write();
    const begun = writer.newest;
    const cuts: { readonly disk: SimulatedHost; readonly what: string }[] = [];
    host.onCall = ({ call, change, path, what }) => {
      if (change === undefined) return;
      const ways = ["lost", "kept", "seeded"] as const;
      const way = ways[call % 3]!;
      cuts.push({ disk: host.afterPowerCut(way, call), what: `${what} ${path}, ${way}` });
    };
    const running: Promise<unknown>[] = [];
    let isCopying = true;
    const writing = (async () => {
      while (isCopying && writer.newest < begun + 30) {
        running.push(writer.write());
        await host.timers.pause();
      }
    })();
    const result = await engine.checkpoint(COPY);
    isCopying = false;
    host.onCall = undefined;
    await writing;
    await Promise.all(running);
    expect(result).toMatchObject({ directory: COPY, tablesCopied: 0, logs: 0 });
    const taken = await commitOf(host, COPY, writer.states);
    expect(taken).toBeGreaterThanOrEqual(begun);
    expect(taken).toBeLessThanOrEqual(writer.newest);

    let whole = 0;
    let none = 0;
    for (const { disk, what } of cuts) {
      try {
        const kept = await commitOf(disk, COPY, writer.states);
        expect(kept).toBe(taken);
        whole++;
      } catch (error) {
        const isNone =
          error instanceof CorruptionError ||
          (error instanceof StorageError && error.code === "NoDatabase");
        if (!isNone) throw new Error(what, { cause: error });
        none++;
      }
    }
    expect(none).toBeGreaterThan(10);
    // The source has lost nothing on the way either.
    for (const { disk } of cuts.filter((_, i) => i % 9 === 0)) {
      await checkSurvivor(disk, writer.states, begun, writer.newest);
    }
    // Whatever is done to the source afterwards, the copy stays; and the copy goes on by itself.
    for (let i = 0; i < 40; i++) await writer.write();
    await engine.compact();
    await engine.close();
    expect(await commitOf(host, COPY, writer.states)).toBe(taken);
    const copy = await open(host, COPY);
    await copy.write({ ops: [put("own", "1")], requires: [] });
    await copy.compact();
    await copy.close();
    expect(await commitOf(host, PATH, writer.states)).toBe(writer.newest);
    expect(whole).toBeGreaterThanOrEqual(0);
  });
}

test("a failure at any call gives an error, leaves the source at work, and the same directory can be tried again", async () => {
  const makeSource = async (): Promise<{ host: SimulatedHost; engine: LsmEngine }> => {
    const host = new SimulatedHost({ seed: 2 });
    const engine = await open(host);
    for (let i = 0; i < 30; i++)
      await engine.write({ ops: [put(`k${i}`, "x".repeat(80))], requires: [] });
    await engine.flush();
    return { host, engine };
  };
  let failed = 0;
  for (let after = 1; after <= 60; after++) {
    const { engine, host } = await makeSource();
    const at = host.calls + after;
    host.onCall = ({ call }) => {
      if (call === at) host.failAt(call, after % 2 === 0 ? "EIO" : "ENOSPC");
    };
    const result = await engine.checkpoint(COPY).catch((error: unknown) => error);
    host.onCall = undefined;
    // Beyond its last call, or where the call is one that may fail.
    if (!(result instanceof Error)) {
      await engine.close();
      continue;
    }
    failed++;
    const again = await engine.checkpoint(COPY).catch((error: unknown) => error);
    // What could not be removed stands in the way and is named.
    if (again instanceof Error) expect(again).toMatchObject({ code: "NotEmpty" });
    else expect(again).toMatchObject({ directory: COPY });
    await engine.write({ ops: [put("after", "")], requires: [] });
    expect(await entriesOf(engine.snapshot())).toHaveLength(31);
    await engine.close();
  }
  expect(failed).toBeGreaterThan(15);
});

test("where no second names are possible, tables are copied, checked and synced", async () => {
  const host = new SimulatedHost();
  const files = {
    ...host.files,
    link: (): never => {
      throw new StorageError("Io", { error: "EXDEV" });
    },
  };
  const engine = await open({ ...hostOf(host), files });
  const writer = new Writer(engine, 3);
  for (let i = 0; i < 40; i++) await writer.write();
  const steps: number[] = [];
  const result = await engine.checkpoint(COPY, {
    onProgress: ({ bytesDone, bytesTotal }) => steps.push(bytesDone / bytesTotal),
  });
  expect(result.tablesCopied).toBe(result.tables);
  expect(result.tables).toBeGreaterThan(1);
  expect(steps.at(-1)).toBe(1);
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  await engine.close();
  expect(await commitOf(host.crash("lost"), COPY, writer.states)).toBe(40);
});

function hostOf(host: SimulatedHost): Host {
  const { clock, files, random, timers } = host;
  return { clock, files, random, timers, warn: (error, where) => host.warn(error, where) };
}

test("a damaged table is not copied as if it were whole", async () => {
  const host = new SimulatedHost();
  const files = {
    ...host.files,
    link: (): never => {
      throw new StorageError("Io", { error: "EXDEV" });
    },
  };
  const engine = await open({ ...hostOf(host), files });
  for (let i = 0; i < 20; i++)
    await engine.write({ ops: [put(`k${i}`, "x".repeat(80))], requires: [] });
  await engine.compact();
  const table = host.paths().find((path) => path.endsWith(".sst"))!;
  const content = host.contentOf(table);
  content[10]! ^= 1;
  host.damage(table, content);
  await expect(engine.checkpoint(COPY)).rejects.toMatchObject({
    _tag: "CorruptionError",
    file: table,
  });
  expect(host.files.list(COPY)).toEqual([]);
  await engine.close();
});

test("a directory in which anything lies is refused and left as it is, the database's own too", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  await engine.write({ ops: [put("a", "1")], requires: [] });
  host.files.makeDirectory("/home/full");
  host.files.open("/home/full/letter.txt", "create").close();
  for (const target of ["/home/full", PATH]) {
    const before = host.files.list(target);
    await expect(engine.checkpoint(target)).rejects.toMatchObject({ code: "NotEmpty" });
    expect(host.files.list(target).filter((name) => !/sst$|log$/.test(name))).toEqual(
      before.filter((name) => !/sst$|log$/.test(name)),
    );
  }
  await engine.close();
});

test("closing the engine ends a copy, and what was made of it is removed", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  for (let i = 0; i < 60; i++)
    await engine.write({ ops: [put(`k${i}`, "x".repeat(120))], requires: [] });
  await engine.flush();
  let closing: Promise<void> | undefined;
  const copying = engine.checkpoint(COPY, {
    onProgress: () => {
      closing ??= engine.close();
    },
  });
  await expect(copying).rejects.toMatchObject({ _tag: "Closed" });
  await closing;
  expect(host.files.list(COPY)).toEqual([]);
});

test("a database that is only read can be copied too, its logs with it", async () => {
  const host = new SimulatedHost({ seed: 9 });
  const engine = await open(host);
  const writer = new Writer(engine, 4);
  for (let i = 0; i < 25; i++) await writer.write();
  // A crash leaves the newest commits in the log alone.
  const disk = host.crash("kept");
  const reader = await openLsmEngine({ path: PATH, host: disk, ...TINY, readOnly: true });
  const result = await reader.checkpoint(COPY);
  expect(result.logs).toBeGreaterThan(0);
  await reader.close();
  expect(await commitOf(disk, COPY, writer.states)).toBe(25);
  await checkSurvivor(disk, writer.states, 25, 25);
  const copy = await open(disk.crash("lost"), COPY);
  expect(text(await (await copy.begin()).get(bytes("n")))).toBe("25");
  await copy.close();
});

test("on a real disk the tables of a copy are the same files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kotoba-checkpoint-"));
  try {
    const engine = await openLsmEngine({ path: join(folder, "db"), ...TINY });
    for (let i = 0; i < 40; i++)
      await engine.write({ ops: [put(`k${i}`, "x".repeat(99))], requires: [] });
    const result = await engine.checkpoint(join(folder, "copy"));
    expect(result).toMatchObject({ tablesCopied: 0 });
    await engine.close();
    const copy = await openLsmEngine({ path: join(folder, "copy"), ...TINY, readOnly: true });
    expect(await entriesOf(copy.snapshot())).toHaveLength(40);
    expect(await copy.verify()).toEqual([]);
    await copy.close();
    expect(statSync(join(folder, "copy")).isDirectory()).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
