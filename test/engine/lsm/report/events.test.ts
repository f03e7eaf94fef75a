/** What an engine tells its listener, and what the listener may do to it. */
import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmEvent, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { TINY, bytes, entriesOf, put } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

async function opened(
  host: SimulatedHost,
  options: Partial<LsmOptions> = {},
): Promise<{ readonly engine: LsmEngine; readonly events: LsmEvent[] }> {
  const events: LsmEvent[] = [];
  const onEvent = (event: LsmEvent): void => void events.push(event);
  const engine = await openLsmEngine({ path: "/db", host, ...TINY, onEvent, ...options });
  return { engine, events };
}

const typesOf = (events: readonly LsmEvent[]): string[] => events.map(({ type }) => type);
async function fill(engine: LsmEngine, commits: number): Promise<void> {
  for (let i = 0; i < commits; i++) {
    await engine.write({ ops: [put(`k${i % 30}`, "x".repeat(100))], requires: [] });
  }
}

test("flushes and compactions come in pairs, and the tables told of add up to those that are there", async () => {
  const { engine, events } = await opened(new SimulatedHost());
  await fill(engine, 120);
  await engine.compact();
  const { background, tables } = engine.report();
  await engine.close();
  const count = (type: string): number => typesOf(events).filter((one) => one === type).length;
  expect(count("flush-begin")).toBe(background.flushes);
  expect(count("flush-end")).toBe(background.flushes);
  expect(count("compaction-begin")).toBe(count("compaction-end"));
  expect(count("compaction-begin")).toBe(background.compactions + background.moves);
  expect(count("table-created") - count("table-deleted")).toBe(tables);
  expect(background.flushes).toBeGreaterThan(3);
  expect(background.compactions).toBeGreaterThan(1);
  expect(typesOf(events)[0]).toBe("recovery");
  expect(events.every(({ atMillis }) => atMillis > 0)).toBe(true);
});

test("opening after a crash tells how many commits the logs held and what became of them", async () => {
  const host = new SimulatedHost();
  const roomy = { flushBytesMax: 1_024 * 1_024 };
  const first = await opened(host, roomy);
  await fill(first.engine, 5);
  const { engine, events } = await opened(host.crash("lost"), roomy);
  await engine.close();
  expect(events).toMatchObject([
    { type: "table-created", by: "recovery" },
    { type: "recovery", logs: 1, commits: 5, tables: 1, lastSequence: 5 },
  ]);
});

test("commits that wait for room begin a stall, and its end says how long it was", async () => {
  const { engine, events } = await opened(new SimulatedHost());
  const big = Array.from({ length: 12 }, async (_, i) =>
    engine.write({ ops: [put(`k${i}`, "x".repeat(1_500))], requires: [] }),
  );
  await Promise.all(big);
  const { stalls } = engine.report();
  await engine.close();
  const told = typesOf(events).filter((type) => type.startsWith("stall"));
  expect(stalls.count).toBeGreaterThan(0);
  expect(told.length).toBeGreaterThan(0);
  expect(told.every((type, i) => type === (i % 2 === 0 ? "stall-begin" : "stall-end"))).toBe(true);
  expect(told.length % 2).toBe(0);
});

test("damage is told once for each place, however often it is read", async () => {
  const host = new SimulatedHost();
  const former = await opened(host);
  await fill(former.engine, 30);
  await former.engine.flush();
  await former.engine.compact();
  await former.engine.close();
  const table = host.paths().find((path) => path.endsWith(".sst"))!;
  const content = host.contentOf(table);
  content[20]! ^= 0x40;
  host.damage(table, content);
  const { engine, events } = await opened(host);
  for (let i = 0; i < 3; i++) {
    await expect(entriesOf(engine.snapshot())).rejects.toMatchObject({ _tag: "CorruptionError" });
    const view = await engine.begin({ readOnly: true });
    expect(() => view.get(bytes("k0"))).toThrow(/damaged/);
    view.abort();
  }
  const problems = await engine.verify();
  await engine.close();
  expect(problems.length).toBeGreaterThan(0);
  expect(events.filter(({ type }) => type === "corruption")).toMatchObject([
    { error: { file: table } },
  ]);
  expect(events.filter(({ type }) => type === "problem")).toHaveLength(problems.length);
});

test("a full disk is told as such, then that writing has ended", async () => {
  const host = new SimulatedHost();
  const { engine, events } = await opened(host);
  await fill(engine, 1);
  host.onCall = ({ call, what }) => {
    if (what === "write") host.failAt(call, "ENOSPC");
  };
  await expect(fill(engine, 1)).rejects.toThrow();
  host.onCall = undefined;
  await engine.close().catch(() => undefined);
  expect(typesOf(events)).toContain("disk-full");
});

test("a listener that throws, closes or writes harms nothing, and its failures are counted and warned of", async () => {
  const host = new SimulatedHost();
  const written: unknown[] = [];
  const engine: LsmEngine = await openLsmEngine({
    path: "/db",
    host,
    ...TINY,
    onEvent: ({ type }) => {
      if (type === "flush-end")
        written.push(engine.write({ ops: [put("heard", "1")], requires: [] }));
      throw new Error(`no ear for ${type}`);
    },
  });
  await fill(engine, 60);
  await engine.flush();
  await Promise.all(written);
  expect(engine.report().listenerFailures).toBeGreaterThan(3);
  expect(host.warnings).toHaveLength(engine.report().listenerFailures);
  expect(host.warnings[0]).toMatchObject({ where: 'the listener for events failed at "recovery"' });
  expect(await engine.verify()).toEqual([]);
  expect((await entriesOf(engine.snapshot())).map(([key]) => key)).toContain("heard");
  await engine.close();
});

test("closing gives up what is under way, and each beginning still has its end", async () => {
  const host = new SimulatedHost();
  let givenUp = 0;
  for (let pauses = 1; pauses < 12; pauses++) {
    const { engine, events } = await opened(host, { path: `/db${pauses}`, closeFlushBytesMax: 0 });
    for (let i = 0; i < 60; i++) {
      const write = async (): Promise<unknown> =>
        engine.write({ ops: [put(`k${i % 30}`, "x".repeat(200))], requires: [] });
      // Those that still wait for room when the engine closes are refused.
      write().catch((error: unknown) => expect(error).toBeInstanceOf(Closed));
    }
    for (let i = 0; i < pauses; i++) await host.timers.pause();
    await engine.close();
    const open = new Map<string, number>();
    for (const event of events) {
      const [what, when] = event.type.split("-");
      if (when === "begin") open.set(what!, (open.get(what!) ?? 0) + 1);
      if (when === "end") open.set(what!, (open.get(what!) ?? 0) - 1);
      if ("outcome" in event && event.outcome === "given-up") givenUp++;
    }
    expect([...open.values()].every((count) => count === 0)).toBe(true);
  }
  expect(givenUp).toBeGreaterThan(0);
});
