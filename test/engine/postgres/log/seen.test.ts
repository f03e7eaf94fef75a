/** What has been seen, as versions of the log say it, against plain sets of numbers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Version } from "../../../../src/engine/contract/index.ts";
import {
  Progress,
  firstUnseen,
  isSeen,
  seenIn,
  seenOf,
  seenUpTo,
  versionOf,
} from "../../../../src/engine/postgres/log/seen.ts";

/** Transactions of a server: when each begins to be under way, and when it ends. */
const schedules = fc.array(
  fc.record({ begin: fc.integer({ min: 0, max: 20 }), length: fc.integer({ min: 0, max: 20 }) }),
  { minLength: 1, maxLength: 12 },
);

interface Server {
  /** Number i is that of the transaction that began i-th. */
  readonly ends: readonly number[];
  readonly begins: readonly number[];
}

function serverOf(schedule: readonly { begin: number; length: number }[]): Server {
  const inOrder = schedule.toSorted((a, b) => a.begin - b.begin);
  return {
    begins: inOrder.map(({ begin }) => begin),
    ends: inOrder.map(({ begin, length }) => begin + length),
  };
}

/** As the server writes a snapshot at a time: all that began before it have a number, those that have not ended are under way. */
function snapshotAt({ begins, ends }: Server, time: number): string {
  const max = begins.filter((begin) => begin < time).length;
  const open = ends.flatMap((end, i) => (i < max && end >= time ? [i] : []));
  return `${open[0] ?? max}:${max}:${open.join(",")}`;
}

function seenAt({ begins, ends }: Server, time: number): ReadonlySet<number> {
  return new Set(begins.flatMap((begin, i) => (begin < time && ends[i]! < time ? [i] : [])));
}

describe("what has been seen", () => {
  it("is as the server's snapshots say, and grows by each commit that is read", () => {
    fc.assert(
      fc.property(schedules, fc.array(fc.integer({ min: 0, max: 42 })), (schedule, times) => {
        const server = serverOf(schedule);
        let seen = seenIn(snapshotAt(server, 0));
        const known = new Set<number>();
        for (const time of times.toSorted((a, b) => a - b)) {
          const now = seenIn(snapshotAt(server, time));
          const visible = seenAt(server, time);
          for (const number of [...visible].toSorted((a, b) => a - b)) {
            if (isSeen(seen, BigInt(number))) continue;
            expect(known.has(number)).toBe(false);
            known.add(number);
            seen = seenUpTo(seen, now, BigInt(number));
            const unseen = server.begins.map((_, i) => i).filter((i) => !known.has(i));
            expect(unseen.every((i) => !isSeen(seen, BigInt(i)))).toBe(true);
            expect([...known].every((i) => isSeen(seen, BigInt(i)))).toBe(true);
            expect(firstUnseen(seen)).toBe(BigInt(unseen[0] ?? server.begins.length));
          }
          expect(known).toEqual(visible);
          expect(server.begins.map((_, i) => isSeen(now, BigInt(i)))).toEqual(
            server.begins.map((_, i) => visible.has(i)),
          );
        }
      }),
    );
  });

  it("grows as well where the commits of a look are dealt with in another order", () => {
    fc.assert(
      fc.property(
        schedules,
        fc.array(fc.integer({ min: 0, max: 42 })),
        fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
        fc.nat(12),
        (schedule, times, ranks, pageSize) => {
          const server = serverOf(schedule);
          let seen = seenIn(snapshotAt(server, 0));
          const known = new Set<number>();
          for (const time of times.toSorted((a, b) => a - b)) {
            const now = seenIn(snapshotAt(server, time));
            const unseen = [...seenAt(server, time)].filter((i) => !isSeen(seen, BigInt(i)));
            const inOrder = unseen.toSorted((a, b) => a - b);
            expect(inOrder.every((i) => !known.has(i))).toBe(true);
            const [page, rest] = [inOrder.slice(0, pageSize), inOrder.slice(pageSize)];
            const beyond = page.length === 0 ? [] : rest.filter((i) => ranks[i]! % 3 === 0);
            const progress = new Progress(seen, now, page.map(BigInt));
            const given = [...page, ...beyond].toSorted((a, b) => ranks[a]! - ranks[b]!);
            for (const i of given) {
              known.add(i);
              seen = progress.give(BigInt(i));
              expect(server.begins.map((_, n) => isSeen(seen, BigInt(n)))).toEqual(
                server.begins.map((_, n) => known.has(n)),
              );
              expect(seenOf(versionOf(seen))).toEqual(seen);
            }
          }
        },
      ),
    );
  });

  it("is a text that says the same again, and no other text is taken", () => {
    const numbers = fc.uniqueArray(fc.bigInt({ min: 0n, max: 300n }));
    fc.assert(
      fc.property(fc.bigInt({ min: 3n, max: 200n }), numbers, fc.nat(300), (end, open, own) => {
        const missing = open.filter((one) => one < end).toSorted((a, b) => Number(a - b));
        const seen = seenIn(`${missing[0] ?? end}:${end}:${missing.join(",")}`, BigInt(own));

        const again = seenOf(versionOf(seen))!;

        expect(again).toEqual(seen);
        for (let n = 0n; n <= 301n; n++)
          expect(isSeen(again, n)).toBe(n === BigInt(own) || (n < end && !missing.includes(n)));
      }),
    );
    for (const text of ["", "x", "1-", "1+", "5-2,,3", "01", "5-1+", "1:2:"])
      expect(seenOf(text as Version), text).toBeUndefined();
  });

  it("reads as in the examples", () => {
    expect(versionOf(seenIn("105:105:"))).toBe("105");
    expect(versionOf(seenIn("99:105:99,101"))).toBe("105-99,101");
    expect(versionOf(seenIn("105:105:", 107n))).toBe("105+107");
    expect(versionOf(seenIn("105:105:", 105n))).toBe("106");
  });
});
