/** Whatever does not come over as it was is found, and named by the first key. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hex } from "../../../src/base/index.ts";
import { CorruptionError } from "../../../src/engine/contract/index.ts";
import type { StorageEngine, WriteOp } from "../../../src/engine/contract/index.ts";
import { compareEngines, copyEngine } from "../../../src/engine/copy/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import {
  anySteps,
  around,
  keyOf,
  numbered,
  opsOf,
  putOf,
  rowsIn,
  tinyLsm,
  writeAll,
} from "./copy-kit.ts";

type Put = Extract<WriteOp, { readonly op: "put" }>;
const OPTIONS = { loadBytes: 2_000, commitBytes: 2_000 };
const FAULTY = hex(keyOf(123));

const faults: Record<string, (put: Put) => readonly WriteOp[]> = {
  "a row that is skipped": () => [],
  "a row that comes twice": (put) => [put, putOf(Uint8Array.of(...put.key, 0), put.value)],
  "a bit of a value that turns over": ({ key, value }) => [
    putOf(
      key,
      value.map((byte, i) => (i === 7 ? byte ^ 1 : byte)),
    ),
  ],
  "a value that is cut short": ({ key, value }) => [putOf(key, value.subarray(1))],
  "a key that is another one": ({ key, value }) => [
    putOf(
      key.map((b, i) => (i === 6 ? 0x7f : b)),
      value,
    ),
  ],
};

for (const [fault, change] of Object.entries(faults)) {
  for (const isLoaded of [false, true]) {
    test(`${fault} is found, ${isLoaded ? "in a load" : "in a commit"}, and the copy that was found wrong is no database`, async () => {
      const source = new MemoryEngine();
      await writeAll(source, numbered(400, 20));
      const inner = new MemoryEngine();
      const changed = (ops: readonly WriteOp[]): readonly WriteOp[] =>
        ops.flatMap((op) => (op.op === "put" && hex(op.key) === FAULTY ? change(op) : [op]));
      const target = around(
        inner,
        isLoaded
          ? {
              piece: (_, rows) =>
                changed(rows.map(([key, value]) => putOf(key, value))).map(
                  (op) => [(op as Put).key, (op as Put).value] as const,
                ),
            }
          : { before: (_, ops) => changed(ops) },
      );
      const what = fault.includes("twice")
        ? "extra"
        : fault.includes("value")
          ? "value"
          : "missing";
      await expect(copyEngine(source, target, OPTIONS)).rejects.toMatchObject({
        _tag: "CopyDiffers",
        details: { what, firstKey: what === "extra" ? `${FAULTY}00` : FAULTY },
      });
      const compared = await compareEngines(source, inner);
      expect(compared.isUnfinished).toBe(true);
      expect(hex(compared.first!.key)).toBe(what === "extra" ? `${FAULTY}00` : FAULTY);
      expect(compared.copy.checksum).not.toBe(compared.source.checksum);
      // The next one does not go on from rows that were found wrong.
      expect(await copyEngine(source, inner, OPTIONS)).toMatchObject({ rowsResumed: 0, rows: 400 });
      expect(await rowsIn(inner)).toEqual(await rowsIn(source));
    });
  }
}

test("a source that shows a row less the first time is found out", async () => {
  const source = new MemoryEngine();
  await writeAll(source, numbered(400, 20));
  const lying = withScans(source, (n) => (n === 1 ? keyOf(200) : undefined));
  await expect(copyEngine(lying, new MemoryEngine(), OPTIONS)).rejects.toMatchObject({
    _tag: "CopyDiffers",
    details: { what: "missing", firstKey: hex(keyOf(200)) },
  });
});

/** `hidden` says for each scan of a snapshot, from 1, which key it leaves out: its page then begins behind it. */
function withScans(
  engine: MemoryEngine,
  hidden: (n: number) => Uint8Array | undefined,
): StorageEngine {
  let scans = 0;
  return new Proxy<StorageEngine>(engine, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (name !== "snapshot")
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      return () => {
        const view = engine.snapshot();
        const scan = view.scan.bind(view);
        return Object.assign(view, {
          scan: (...[range, options]: Parameters<typeof scan>) => {
            const key = hidden(++scans);
            if (key === undefined) return scan(range, options);
            const first = scan({ start: range.start, end: key }, options);
            const rest = scan({ start: Uint8Array.of(...key, 0), end: range.end }, options);
            let isFirst = true;
            return {
              next: async () => {
                if (!isFirst) return rest.next();
                const page = await first.next();
                isFirst = !page.done;
                return { ...page, done: false };
              },
              close: () => {
                first.close();
                rest.close();
              },
            };
          },
        });
      };
    },
  });
}

test("two engines compare as their rows do, key by key", async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, anySteps, fc.boolean(), async (steps, more, isSame) => {
      const [source, copy] = [new MemoryEngine(), new MemoryEngine()];
      for (const step of steps) {
        await writeAll(source, opsOf(step));
        await writeAll(copy, opsOf(step));
      }
      if (!isSame) for (const step of more) await writeAll(copy, opsOf(step));
      const [a, b] = [new Map(await rowsIn(source)), new Map(await rowsIn(copy))];
      const differing = [...new Set([...a.keys(), ...b.keys()])]
        .filter((key) => a.get(key) !== b.get(key))
        .toSorted();
      const compared = await compareEngines(source, copy);
      expect(compared.differences).toBe(differing.length);
      const { first } = compared;
      expect(first === undefined ? undefined : hex(first.key, Infinity)).toBe(differing[0]);
      if (first !== undefined) {
        const [inSource, inCopy] = [a.has(differing[0]!), b.has(differing[0]!)];
        expect(first.what).toBe(inSource ? (inCopy ? "value" : "missing") : "extra");
      }
      expect(compared.source.checksum === compared.copy.checksum).toBe(differing.length === 0);
      expect([compared.source.rows, compared.copy.rows]).toEqual([a.size, b.size]);
    }),
    { numRuns: 40 },
  );
}, 60_000);

test("damage in the source ends the copy with the place of it; mended, it goes on, and nothing is made up", async () => {
  const host = new SimulatedHost();
  const writer = await tinyLsm(host);
  await writeAll(writer, numbered(4_000, 400));
  await writer.flush();
  await writer.compact();
  await writer.close();
  const tables = host.paths().filter((path) => path.endsWith(".sst"));
  const broken = tables.find((path) => Buffer.from(host.contentOf(path)).includes("k0038"))!;
  const whole = host.contentOf(broken);
  const content = Uint8Array.from(whole);
  content[40]! ^= 1;
  host.damage(broken, content);
  const target = new MemoryEngine();
  const source = await tinyLsm(host, { readOnly: true });
  const failure: unknown = await copyEngine(source, target, OPTIONS).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(CorruptionError);
  expect((failure as CorruptionError).file).toBe(broken);
  await expect(compareEngines(source, target)).rejects.toBeInstanceOf(CorruptionError);
  expect((await rowsIn(target))[0]![0]).toBe("0000");
  await source.close();
  host.damage(broken, whole);
  const mended = await tinyLsm(host, { readOnly: true });
  const { beganAnew, rows, rowsResumed } = await copyEngine(mended, target, OPTIONS);
  expect([beganAnew, rows, rowsResumed > 0]).toEqual([false, 4_000, true]);
  expect(await rowsIn(target)).toEqual(await rowsIn(mended));
  await mended.close();
});
