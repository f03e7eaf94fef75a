/** A store that is asked for a share does less of what is done one by one, and all else as the others do. */
import { expect, test } from "vitest";
import { amountsOf } from "../../bench/documents/amounts.ts";
import type { DocumentEntry } from "../../bench/documents/document-entry.ts";
import { countsOf } from "../../bench/keyvalue/ground.ts";
import type { Scope } from "../../bench/kit/index.ts";

test("who has no share does all, at every size and in proportion to the rows asked for", () => {
  const full = countsOf({ size: "full", rows: undefined });
  expect(full).toMatchObject({ rows: 1_000_000, ingested: 1_000_000, coldGets: 100_000 });
  expect(countsOf({ size: "full", rows: 1_000_000 })).toEqual(full);
  const tenth = countsOf({ size: "full", rows: 100_000 });
  expect(tenth).toMatchObject({ rows: 100_000, ingested: 100_000, coldGets: 10_000 });
  expect(tenth).toMatchObject({ gets: full.gets / 10, syncs: full.syncs });
});

test("a share is of single operations, not of rows nor of the first gets", () => {
  const full = countsOf({ size: "full", rows: undefined });
  const { coldGets, rows, ...single } = countsOf({ size: "full", rows: undefined }, 0.25);
  expect({ coldGets, rows }).toEqual({ coldGets: full.coldGets, rows: full.rows });
  for (const [name, count] of Object.entries(single)) {
    expect([name, count]).toEqual([name, full[name as keyof typeof full] / 4]);
  }
});

test("a share is never so small that nothing could be told, and no more than there are rows", () => {
  const counts = Object.values(countsOf({ size: "short", rows: 2_000 }, 0.0001));
  expect(Math.min(...counts)).toBe(64);
  expect(countsOf({ size: "short", rows: 20 }, 0.05)).toMatchObject({ rows: 20, ingested: 20 });
});

test("of documents, a share is of single operations and of the time for reads", () => {
  const scope = { size: "full", rows: undefined } as Scope;
  const of = (share?: number) => {
    const entry = { name: "one", ...(share === undefined ? {} : { share }) };
    return amountsOf(entry as DocumentEntry, scope);
  };
  const whole = of();
  expect(of(0.25)).toEqual({
    ...whole,
    gets: whole.gets / 4,
    writes: whole.writes / 4,
    concurrentWrites: whole.concurrentWrites / 4,
    liveUpdates: whole.liveUpdates / 4,
    ingested: whole.ingested / 4,
    millis: whole.millis / 4,
  });
  expect(of(0.01).millis).toBe(500);
});
