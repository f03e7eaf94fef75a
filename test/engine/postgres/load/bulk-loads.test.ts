/** A load over a line that loses answers leads to what the rows say, whatever arrives when. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { RequirementFailed } from "../../../../src/engine/contract/index.ts";
import { BulkLoads } from "../../../../src/engine/postgres/load/index.ts";
import type { LoadedRow } from "./copy-reader.ts";
import { LossyServer } from "./lossy-server.ts";
import type { Fate } from "./lossy-server.ts";

const LIMITS = {
  keyBytes: 100,
  valueBytes: 100,
  transactionBytes: 10_000,
  transactionMillis: Infinity,
  snapshotMillis: Infinity,
};

function loadsTo(server: LossyServer): BulkLoads {
  let tokens = 0;
  return new BulkLoads({
    limits: LIMITS,
    timers: { sleep: async () => undefined },
    random: { bytes: (count) => new Uint8Array(count).fill(++tokens) },
    isLogged: false,
    pieceBytes: 40,
    copy: (piece) => server.copy(piece),
    write: (plan) => server.write(plan),
  });
}

async function* inPieces(rows: readonly LoadedRow[], size: number): AsyncGenerator<LoadedRow[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

const isToken = (key: string): boolean => key.startsWith("0074");
const shown = (rows: ReadonlyMap<string, Bytes>): string[] =>
  [...rows]
    .filter(([key]) => !isToken(key))
    .map(([key, value]) => `${key}=${hex(value)}`)
    .toSorted();

const row = fc.tuple(
  fc.integer({ min: 1, max: 12 }).map((n) => Uint8Array.of(n)),
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
);
const fate = fc.constantFrom<Fate>(
  "done",
  "done",
  "unanswered",
  "lost",
  "refused",
  "late",
  "later",
);
const world = fc.record({
  before: fc.array(row, { maxLength: 4 }),
  rows: fc.array(row, { maxLength: 30 }),
  fates: fc.array(fate, { maxLength: 14 }),
  size: fc.integer({ min: 1, max: 10 }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

/** What is there when all has arrived, and what should be. */
async function loaded(
  of: World,
  forgetsTokens = false,
): Promise<{ readonly found: string[]; readonly wanted: string[] }> {
  const server = new LossyServer(of.fates);
  server.forgetsTokens = forgetsTokens;
  const wanted = new Map<string, Bytes>();
  for (const [key, value] of of.before) {
    server.rows.set(hex(key), value);
    wanted.set(hex(key), value);
  }
  await loadsTo(server).load(inPieces(of.rows, of.size));
  for (const [key, value] of of.rows) wanted.set(hex(key), value);
  server.arrive();
  return { found: shown(server.rows), wanted: shown(wanted) };
}

describe("a load over a line that loses answers", () => {
  test("leads to what its rows say, also when all that was given up has arrived", async () => {
    await fc.assert(
      fc.asyncProperty(world, async (of) => {
        const { found, wanted } = await loaded(of);
        expect(found).toEqual(wanted);
      }),
      { numRuns: 1_000 },
    );
  });

  test("would not, on a server that does not look at tokens: this test can fail", async () => {
    const outcome = await fc.check(
      fc.asyncProperty(world, async (of) => {
        const { found, wanted } = await loaded(of, true);
        return found.join() === wanted.join();
      }),
      { numRuns: 1_000 },
    );
    expect(outcome.failed).toBe(true);
  });

  test("leaves no token where every answer came, and else those that still stop something", async () => {
    const rows = Array.from({ length: 20 }, (_, n): LoadedRow => [
      Uint8Array.of(n + 1),
      Uint8Array.of(n),
    ]);
    const tokensAfter = async (fates: readonly Fate[]): Promise<number> => {
      const server = new LossyServer(fates);
      await loadsTo(server).load(inPieces(rows, 3));
      return [...server.rows.keys()].filter(isToken).length;
    };
    expect(await tokensAfter([])).toBe(0);
    expect(await tokensAfter(["done", "lost", "done", "unanswered"])).toBe(2);
    expect(await tokensAfter(["refused"])).toBe(0);
  });

  test("gives up after so many attempts, with the last error, and says of what is required that it failed", async () => {
    const one = [[Uint8Array.of(1), Uint8Array.of(1)]] as const;
    const always = (fate: Fate): Fate[] => Array.from({ length: 100 }, () => fate);
    const outcome = (fates: readonly Fate[]): Promise<unknown> =>
      loadsTo(new LossyServer(fates))
        .load(inPieces(one, 1))
        .catch((error: unknown) => error);
    expect(await outcome(always("lost"))).toMatchObject({ code: "CommitUnknown" });
    expect(await outcome(always("refused"))).toMatchObject({ code: "Unavailable" });
    const key = Uint8Array.of(9);
    const requires = [{ is: "equal", key, value: key }] as const;
    const failed = await loadsTo(new LossyServer([]))
      .load(inPieces(one, 1), { requires })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RequirementFailed);
  });

  test("sends one piece at a time, and gathers one meanwhile", async () => {
    const events: string[] = [];
    let sent = 0;
    const server = new LossyServer([]);
    const loads = new BulkLoads({
      limits: LIMITS,
      timers: { sleep: async () => undefined },
      random: { bytes: (count) => new Uint8Array(count).fill(sent) },
      isLogged: false,
      pieceBytes: 40,
      copy: async (piece) => {
        const mine = ++sent;
        events.push(`piece ${mine} begins`);
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        await server.copy(piece);
        events.push(`piece ${mine} ends`);
      },
      write: (plan) => server.write(plan),
    });
    const source = (async function* (): AsyncGenerator<LoadedRow[]> {
      // Three of these are a piece.
      for (let n = 1; n <= 12; n++) {
        events.push(`row ${n}`);
        yield [[Uint8Array.of(n), Uint8Array.of(n)]];
      }
    })();
    await loads.load(source);
    const placeOf = (event: string): number => events.indexOf(event);
    expect(sent).toBe(4);
    for (let piece = 2; piece <= sent; piece++) {
      expect(placeOf(`piece ${piece} begins`)).toBeGreaterThan(placeOf(`piece ${piece - 1} ends`));
      // The rows of a piece are asked for while the one before is on its way, and not those behind it.
      expect(placeOf(`row ${3 * piece}`)).toBeLessThan(placeOf(`piece ${piece - 1} ends`));
      if (piece < sent)
        expect(placeOf(`row ${3 * piece + 2}`)).toBeGreaterThan(placeOf(`piece ${piece - 1} ends`));
    }
  });
});
