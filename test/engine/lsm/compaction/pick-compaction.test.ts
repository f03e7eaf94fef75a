import { expect, test } from "vitest";
import type { TableMeta } from "../../../../src/engine/lsm/manifest/index.ts";
import {
  jobText,
  pickCompaction,
  pickEverything,
  versionOf,
  versionProblems,
  versionText,
} from "../../../../src/engine/lsm/compaction/index.ts";
import type { PickSettings, PickState } from "../../../../src/engine/lsm/compaction/index.ts";
import { bytes } from "../support.ts";

const MIB = 1_024 * 1_024;
const SETTINGS: PickSettings = {
  policy: "leveled",
  l0TablesTrigger: 4,
  minCompactionFiles: 2,
  levelBaseBytes: 64 * MIB,
  levelFanOut: 10,
  tableBytesTarget: 8 * MIB,
  fifoBytesMax: 100 * MIB,
  tombstoneDensePercent: 5,
  periodicMillis: 0,
};

/**
 * "7 L1 a-c 8" is table 7 of level 1 over the keys a to c, 8 MiB large, with sequences 70 to 79; a trailing "d" or "r" gives
 * it deletes, "dense" blocks full of them.
 */
function table(line: string): TableMeta {
  const [number, level, keys, size, deletes] = line.split(" ");
  const [smallest, largest] = keys!.split("-");
  return {
    fileNumber: Number(number),
    level: Number(level!.slice(1)),
    fileBytes: Number(size) * MIB,
    entries: Number(size) * 1_000,
    rangeDeletes: deletes === "r" ? 1 : 0,
    smallestKey: bytes(smallest!),
    largestKey: largest === "end" ? undefined : bytes(largest!),
    smallestSequence: Number(number) * 10,
    largestSequence: Number(number) * 10 + 9,
    tombstones: deletes === "d" || deletes === "dense" ? 10 : 0,
    dataBlocks: Number(size) * 100,
    denseBlocks: deletes === "dense" ? Number(size) * 10 : 0,
    rawBytes: Number(size) * MIB,
    writtenAtMillis: Number(number) * 1_000,
    fileCrc: 0,
  };
}
const versionFrom = (...lines: string[]): ReturnType<typeof versionOf> =>
  versionOf(lines.map(table));

const full = (level: number, first: number, count: number, size: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const letter = String.fromCharCode(97 + i);
    return `${first + i} L${level} ${letter}0-${letter}9 ${size}`;
  });

interface Case {
  readonly tables: readonly string[];
  readonly settings?: Partial<PickSettings>;
  readonly state?: Partial<PickState>;
}
const lazy = { policy: "lazy-leveled" } as const;
const tiered = { policy: "tiered" } as const;
const fifo = { policy: "fifo" } as const;
const deleted = (start: string, end: string | undefined, sequence: number): Partial<PickState> => ({
  oldestSequence: sequence,
  rangeDeletes: [
    { start: bytes(start), end: end === undefined ? undefined : bytes(end), sequence },
  ],
});

const cases: Readonly<Record<string, Case>> = {
  "an empty database": { tables: [] },
  "three tables in level 0 wait for a fourth": {
    tables: ["1 L0 a-c 1", "2 L0 a-c 1", "3 L0 a-c 1"],
  },
  "the first tables go straight to the last level": {
    tables: ["11 L0 a-c 16", "12 L0 a-c 16", "13 L0 a-c 16", "14 L0 a-c 16"],
  },
  "level 0 goes down with what it overlaps": {
    tables: [
      "1 L6 a-c 8",
      "2 L6 d-f 8",
      "3 L6 x-z 8",
      "10 L0 b-e 16",
      "11 L0 b-b 16",
      "12 L0 c-d 16",
      "13 L0 e-e 16",
    ],
  },
  "few bytes of many tables are gathered in level 0 before they go down": {
    tables: [...full(6, 1, 6, 10), "10 L0 a-z 1", "11 L0 a-z 1", "12 L0 a-z 1", "13 L0 a-z 1"],
  },
  "a table of another order of size stays out of it": {
    tables: [...full(6, 1, 6, 10), "30 L0 a-z 2", "31 L0 a-z 1", "32 L0 a-z 1", "33 L0 a-z 1"],
  },
  "tables in ascending order are moved": {
    tables: ["3 L6 a-b 60", "10 L0 c-d 16", "11 L0 e-f 16", "12 L0 g-h 16", "13 L0 i-j 16"],
  },
  "a range delete to the end of the keyspace overlaps all that follows": {
    tables: [
      "1 L6 a-c 8",
      "2 L6 x-z 8",
      "10 L0 d-end 1 r",
      "11 L0 d-e 1",
      "12 L0 d-e 1",
      "13 L0 d-e 1",
    ],
  },
  "with 120 MiB in the last level the one above is the base": {
    tables: [...full(6, 1, 12, 10), "20 L0 a-d 16", "21 L0 a-d 16", "22 L0 a-d 16", "23 L0 a-d 16"],
  },
  "a base level over its share sends down the table that overlaps least": {
    tables: [...full(6, 1, 12, 20), "30 L5 a0-b5 8", "31 L5 c0-c4 8", "32 L5 d0-f5 9"],
  },
  "a table that overlaps nothing is moved": {
    tables: [...full(6, 1, 12, 20), "30 L5 a0-b5 15", "31 L5 x0-y0 15"],
  },
  "a table with deletes is moved where they still hide something deeper": {
    tables: ["1 L6 a-b 60", "2 L6 x-z 3000", "3 L5 m-z 300", "30 L4 a-b 70 d"],
  },
  "a table with deletes is rewritten where nothing lies beneath them": {
    tables: [...full(6, 1, 12, 20), "30 L5 x0-y0 30 d"],
  },
  "a table that overlaps too much of the level after the next is not moved, and its outputs are cut":
    {
      tables: ["1 L6 a-b 1000", "2 L6 c-d 1000", "3 L5 y-z 200", "30 L4 a-d 200"],
    },
  "a level above the base drains": { tables: [...full(6, 1, 3, 10), "20 L2 b0-b5 1"] },
  "level 0 does not pass a level above the base": {
    tables: [
      ...full(6, 1, 3, 10),
      "20 L2 b0-b5 1",
      "30 L0 a-z 16",
      "31 L0 a-z 16",
      "32 L0 a-z 16",
      "33 L0 a-z 16",
    ],
  },
  "the fuller of two full levels goes first": {
    tables: [...full(6, 1, 20, 500), ...full(5, 30, 7, 300), ...full(4, 50, 7, 50)],
  },
  "the last level is never compacted by itself": { tables: ["20 L6 a-b 1000000"] },
  "while the way down is taken, level 0 is merged within itself": {
    tables: ["1 L6 a-z 60", ...[10, 11, 12, 13, 14].map((n) => `${n} L0 a-z 16`)],
    state: { busy: new Set([1]) },
  },
  "tables that are inputs of a job are passed over": {
    tables: [...full(6, 1, 12, 20), "30 L5 a0-a5 15", "31 L5 c0-c5 15"],
    state: { busy: new Set([30]) },
  },
  "tables that a newer range delete hides go without being read": {
    tables: ["1 L6 a-c 60", "2 L6 d-f 60", "3 L6 g-i 60", "30 L0 b-j 1 r"],
    state: deleted("c1", "j", 309),
  },
  "not while a view is older than the delete": {
    tables: ["2 L6 d-f 60", "30 L0 b-j 1 r"],
    state: { ...deleted("b", "j", 309), oldestSequence: 308 },
  },
  "not where a table ends at the end of the keyspace, and the delete before it": {
    tables: ["2 L6 d-end 60", "30 L0 b-j 1 r"],
    state: deleted("b", "z", 309),
  },
  "a table dense with deletes is rewritten in the last level": {
    tables: ["1 L6 a-c 60", "2 L6 d-f 60 dense"],
    state: { oldestSequence: 29 },
  },
  "not while a view may see what they delete": {
    tables: ["2 L6 d-f 60 dense"],
    state: { oldestSequence: 28 },
  },
  "the oldest table is rewritten when it is old": {
    tables: ["1 L6 a-c 60", "2 L6 d-f 60", "3 L6 g-i 60"],
    settings: { periodicMillis: 10_000 },
    state: { nowMillis: 12_000 },
  },
  "tiered: runs of like size are merged into the level above the next run": {
    tables: [
      "1 L6 a-z 500",
      ...[10, 11, 12].map((n) => `${n} L0 a-z 16`),
      "13 L0 a-z 8",
      "14 L0 a-z 8",
    ],
    settings: tiered,
  },
  "tiered: all runs are merged when too much lies above the oldest": {
    tables: ["1 L6 a-z 20", ...[10, 11, 12].map((n) => `${n} L0 a-z 16`)],
    settings: tiered,
  },
  "tiered: unlike runs are merged when there are too many": {
    tables: ["1 L6 a-z 500", "2 L5 a-z 100", "3 L4 a-z 40", "10 L0 a-z 16"],
    settings: tiered,
  },
  "lazy-leveled: runs are gathered": {
    tables: ["1 L6 a-z 2000", ...[10, 11, 12, 13].map((n) => `${n} L0 a-z 16`)],
    settings: lazy,
  },
  "lazy-leveled: runs that hold their share become the staging level": {
    tables: ["1 L6 a-z 640", "10 L4 a-k 30", "11 L4 l-z 30", "12 L0 a-z 16"],
    settings: lazy,
  },
  "lazy-leveled: the staging level drains table by table": {
    tables: ["1 L6 a-k 320", "2 L6 l-z 100", "10 L5 a-k 30", "11 L5 m-z 30", "12 L0 a-z 16"],
    settings: lazy,
  },
  "fifo: the oldest tables go": {
    tables: ["1 L0 a-z 40", "2 L0 a-z 40", "3 L0 a-z 40", "4 L0 a-z 40"],
    settings: fifo,
  },
  "fifo: small tables are merged": {
    tables: ["1 L0 a-z 40", ...[2, 3, 4, 5].map((n) => `${n} L0 a-z 1`)],
    settings: fifo,
  },
};

const QUIET: PickState = { busy: new Set(), oldestSequence: 0, nowMillis: 0, rangeDeletes: [] };

test("each choice is the one in the golden file", async () => {
  const lines: string[] = [];
  for (const [name, { settings, state, tables }] of Object.entries(cases)) {
    const version = versionFrom(...tables);
    expect(versionProblems(version), name).toEqual([]);
    const job = pickCompaction(version, { ...SETTINGS, ...settings }, { ...QUIET, ...state });
    lines.push(`# ${name}`, "", versionText(version), "", `=> ${jobText(job)}`);
    lines.push("", `by hand => ${jobText(pickEverything(version)).split("\n")[0]}`, "");
  }
  await expect(lines.join("\n")).toMatchFileSnapshot("./golden/pick-compaction.golden.txt");
});

test("broken levels are named", () => {
  expect(versionProblems(versionFrom("1 L1 a-c 1", "2 L1 c-d 1"))).toEqual([
    "table 1 of level 1 overlaps table 2",
  ]);
  expect(versionProblems(versionFrom("1 L1 a-c 1 r", "2 L1 c-d 1"))).toEqual([]);
  expect(versionProblems(versionFrom("1 L1 c-a 1"))).toEqual([
    "table 1 of level 1 ends before it begins",
  ]);
  expect(versionProblems(versionFrom("1 L1 a-b 1", "1 L2 a-b 1"))).toEqual([
    "table 1 of level 2 is listed twice",
  ]);
  expect(versionProblems(versionFrom("1 L0 a-b 1", "1 L0 a-b 1"))).toContain(
    "table 1 of level 0 shares sequences with table 1",
  );
});
