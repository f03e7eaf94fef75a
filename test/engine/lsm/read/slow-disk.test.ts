/** Reads on a disk that is really slow: they wait beside the thread, and say the same. */
import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { bytes, del, delRange, drain, entriesOf, put, range, text } from "../support.ts";
import { filled, keyOf, openOn, readsDuring, valueOf } from "./slow-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const ROWS = 1_000;

test("a get, a getMany and a scan of a slow disk do not block, and give what they give on a quick one", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filled(host, ROWS);
  const view = engine.snapshot();
  const wanted = Array.from({ length: ROWS }, (_, i) => [keyOf(i), valueOf(i)]);
  const asked = [7, 990, 7, 2_000, 500];
  const { beside, blocking } = await readsDuring(host, async () => {
    const one = view.get(bytes(keyOf(3)));
    expect(one).toBeInstanceOf(Promise);
    expect(text(await one)).toBe(valueOf(3));
    expect(await view.read(bytes(keyOf(4)), (_, start, end) => end - start)).toBe(202);
    expect(await view.get(bytes("k9"))).toBeUndefined();
    const many = await view.getMany(asked.map((i) => bytes(keyOf(i))));
    expect(many.map(text)).toEqual(asked.map((i) => (i < ROWS ? valueOf(i) : undefined)));
    expect(await entriesOf(view)).toEqual(wanted);
    expect(await entriesOf(view, undefined, { reverse: true })).toEqual(wanted.toReversed());
  });
  expect(blocking).toBe(0);
  expect(beside).toBeGreaterThan(20);
  view.close();
  await engine.close();
});

test("what is in memory is given without a promise, however slow the disk is", async () => {
  const engine = await filled(new SimulatedHost({ readMillis: 5 }), ROWS);
  const view = engine.snapshot();
  await view.get(bytes(keyOf(3)));
  expect(view.get(bytes(keyOf(3)))).not.toBeInstanceOf(Promise);
  view.close();
  await engine.write({ ops: [put("a", "b")], requires: [] });
  const later = engine.snapshot();
  expect(text(later.get(bytes("a")) as Uint8Array)).toBe("b");
  later.close();
  await engine.close();
});

test("a disk is taken for slow when it was for a few reads, and for quick again when it is", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, ROWS, { slowReadMicros: 200 });
  const view = engine.snapshot();
  const get = (i: number): unknown => view.get(bytes(keyOf((i * 37) % ROWS)));
  for (let i = 0; i < 50; i++) expect(get(i)).not.toBeInstanceOf(Promise);
  host.readMillis = 3;
  let blocked = 0;
  while (!(get(blocked) instanceof Promise)) expect(++blocked).toBeLessThan(50);
  expect(engine.stats()["slowReadTurns"]).toBe(1);
  const { beside, blocking } = await readsDuring(host, async () => {
    for (let i = 0; i < 200; i++) await get(i);
  });
  expect(beside).toBeGreaterThan(100);
  // 3 ms each: one probe in a quarter of a second.
  expect(blocking).toBeLessThan(beside / 20);
  host.readMillis = 0;
  let waits = 0;
  for (let i = 0; i < 1_000; i++) {
    const found = get(i);
    if (found instanceof Promise) waits = i;
    await found;
    await host.timers.sleep(1);
  }
  expect(waits).toBeGreaterThan(0);
  expect(waits).toBeLessThan(500);
  view.close();
  await engine.close();
});

test("one read that was held up does not make a disk slow", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, ROWS, { slowReadMicros: 200 });
  const view = engine.snapshot();
  const get = (i: number): unknown => view.get(bytes(keyOf((i * 37) % ROWS)));
  for (let i = 0; i < 300; i++) {
    host.readMillis = i % 50 === 0 ? 100 : 0;
    expect(get(i)).not.toBeInstanceOf(Promise);
  }
  view.close();
  await engine.close();
});

test("a scan of a slow disk waits for several blocks at a time, in both directions", async () => {
  for (const reverse of [false, true]) {
    const host = new SimulatedHost({ readMillis: 10 });
    const engine = await filled(host, ROWS, { tableBytesTarget: 1 << 20 });
    const view = engine.snapshot();
    const start = host.clock.monotonicMillis();
    const { beside } = await readsDuring(host, () =>
      entriesOf(view, undefined, { reverse, expect: "all" }),
    );
    const blocks = Math.ceil((ROWS * 210) / 8_192);
    expect(beside).toBeGreaterThan(blocks);
    // One block after another would take 10 ms for each.
    expect(host.clock.monotonicMillis() - start).toBeLessThan((beside * 10) / 2);
    view.close();
    await engine.close();
  }
});

test("a getMany of a slow disk waits for its blocks side by side", async () => {
  const host = new SimulatedHost({ readMillis: 10 });
  const engine = await filled(host, ROWS, { tableBytesTarget: 1 << 20 });
  const view = engine.snapshot();
  const start = host.clock.monotonicMillis();
  const keys = Array.from({ length: 30 }, (_, i) => bytes(keyOf(i * 33)));
  const { beside } = await readsDuring(host, () => view.getMany(keys));
  expect(beside).toBeGreaterThan(20);
  expect(host.clock.monotonicMillis() - start).toBeLessThanOrEqual(40);
  view.close();
  await engine.close();
});

test("a block that two wait for is read once", async () => {
  const host = new SimulatedHost({ readMillis: 10 });
  const engine = await filled(host, ROWS);
  const view = engine.snapshot();
  const other = engine.snapshot();
  const { beside } = await readsDuring(host, async () => {
    const [one, two] = [view.get(bytes(keyOf(5))), other.get(bytes(keyOf(5)))];
    expect([text(await one), text(await two)]).toEqual([valueOf(5), valueOf(5)]);
  });
  expect(beside).toBe(2);
  view.close();
  other.close();
  await engine.close();
});

test("a read that waits is answered when its view ends meanwhile, in the state that the view had", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filled(host, ROWS, { compression: "none", bottomCompression: "none" });
  const view = engine.snapshot();
  const waits = [
    view.get(bytes(keyOf(5))),
    view.getMany([bytes(keyOf(500))]),
    view.scan(range("k00990", undefined)).next(),
  ] as const;
  view.close();
  expect(() => view.get(bytes(keyOf(5)))).toThrow(Closed);
  // No compaction may drop what they have yet to read.
  expect(engine.stats()["openViews"]).toBe(waits.length);
  host.readMillis = 500;
  await engine.write({ ops: [delRange("", undefined)], requires: [] });
  await engine.compact();
  expect(text(await waits[0])).toBe(valueOf(5));
  expect((await waits[1]).map(text)).toEqual([valueOf(500)]);
  // A page ends early where its next block is still on the way.
  const { rows } = await waits[2];
  expect(rows > 0 && rows <= 10).toBe(true);
  expect(engine.stats()["openViews"]).toBe(0);
  await engine.close();
});

test("a read that waits says Closed when the engine is closed meanwhile", async () => {
  const engine = await filled(new SimulatedHost({ readMillis: 5 }), ROWS);
  const transaction = await engine.begin({ readOnly: true });
  const late = [
    transaction.get(bytes(keyOf(900))),
    transaction.scan(range("k00300", undefined)).next(),
  ];
  const closing = engine.close();
  for (const wait of late) await expect(wait).rejects.toBeInstanceOf(Closed);
  await closing;
});

test("a scan that is closed while its block is read gives an empty last page", async () => {
  const engine = await filled(new SimulatedHost({ readMillis: 5 }), ROWS);
  const view = engine.snapshot();
  const scan = view.scan(range("", undefined));
  const page = scan.next();
  scan.close();
  expect(await page).toMatchObject({ rows: 0, done: true });
  view.close();
  await engine.close();
});

test("a read that fails beside the thread is the error of who asked, and the next one is tried anew", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filled(host, ROWS);
  const view = engine.snapshot();
  for (const ask of [
    () => view.get(bytes(keyOf(5))),
    () => view.getMany([bytes(keyOf(500)), bytes(keyOf(5))]),
    () => drain(view.scan(range("", undefined))),
  ]) {
    host.failAt(host.calls + 1, "EIO");
    const failed = Promise.resolve(ask());
    await expect(failed).rejects.toBeInstanceOf(StorageError);
    await expect(failed).rejects.toMatchObject({ code: "Io" });
  }
  expect(text(await view.get(bytes(keyOf(5))))).toBe(valueOf(5));
  expect(await entriesOf(view)).toHaveLength(ROWS);
  view.close();
  await engine.close();
});

test("damage that is read beside the thread is found and named", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filled(host, ROWS, { tableBytesTarget: 1 << 20 });
  const path = host.paths().find((one) => one.endsWith(".sst"))!;
  const content = host.contentOf(path);
  content[100]! ^= 1;
  host.damage(path, content);
  const view = engine.snapshot();
  const failed = view.get(bytes(keyOf(0)));
  await expect(failed).rejects.toBeInstanceOf(CorruptionError);
  await expect(failed).rejects.toMatchObject({ file: path, offset: 0 });
  expect(text(await view.get(bytes(keyOf(ROWS - 1))))).toBe(valueOf(ROWS - 1));
  view.close();
  await engine.close();
});

test("a table that is compacted away while its blocks are read is read no further, and the answer stays", async () => {
  const host = new SimulatedHost({ readMillis: 5 });
  const engine = await filled(host, ROWS);
  const view = engine.snapshot();
  const scan = view.scan(range("", undefined));
  const first = scan.next();
  const one = view.get(bytes(keyOf(700)));
  await engine.write({ ops: [delRange("", "k00900")], requires: [] });
  host.readMillis = 0;
  const compacted = engine.compact();
  const rows = (await first).rows + (await drain(scan)).length;
  expect(text(await one)).toBe(valueOf(700));
  expect(rows).toBe(ROWS);
  await compacted;
  view.close();
  await engine.close();
});

test("deleted rows by the thousand are walked over without blocking", async () => {
  const host = new SimulatedHost({ readMillis: 1 });
  const engine = await openOn(host, {
    flushBytesMax: 1 << 20,
    l0TablesTrigger: 64,
    levelBaseBytes: 1 << 24,
    sliceMillis: 2,
  });
  const ops = Array.from({ length: 5_000 }, (_, i) => put(keyOf(i), "value"));
  await engine.write({ ops, requires: [] });
  await engine.flush();
  const held = engine.snapshot();
  await engine.write({
    ops: ops.slice(0, 4_990).map((_, i) => del(keyOf(i))),
    requires: [],
  });
  await engine.flush();
  const view = engine.snapshot();
  const { blocking } = await readsDuring(host, async () => {
    expect(await entriesOf(view)).toHaveLength(10);
    expect(await entriesOf(view, undefined, { reverse: true })).toHaveLength(10);
    expect(await entriesOf(held, undefined)).toHaveLength(5_000);
  });
  expect(blocking).toBe(0);
  view.close();
  held.close();
  await engine.close();
});
