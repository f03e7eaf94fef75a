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
import { bytes } from "../support.ts";

const MIB = 1_024 * 1_024;
const SETTINGS = { l0TablesTrigger: 4, levelBaseBytes: 64 * MIB, levelFanOut: 10 };

/** "7 L1 a-c 8" is table 7 of level 1 over the keys a to c, 8 MiB large; a trailing "d" or "r" gives it deletes. */
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
    smallestSequence: 1,
    largestSequence: 100 + Number(number),
    tombstones: deletes === "d" ? 10 : 0,
    dataBlocks: Number(size) * 100,
    denseBlocks: 0,
    rawBytes: Number(size) * MIB,
    writtenAtMillis: 0,
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

const versions: Readonly<Record<string, ReturnType<typeof versionOf>>> = {
  "an empty database": versionFrom(),
  "three tables in level 0 wait for a fourth": versionFrom(
    "1 L0 a-c 1",
    "2 L0 a-c 1",
    "3 L0 a-c 1",
  ),
  "four tables in level 0 go down with what they overlap in level 1": versionFrom(
    "1 L1 a-c 8",
    "2 L1 d-f 8",
    "3 L1 x-z 8",
    "10 L0 b-e 1",
    "11 L0 b-b 1",
    "12 L0 c-d 1",
    "13 L0 e-e 1",
  ),
  "a range delete to the end of the keyspace overlaps all that follows": versionFrom(
    "1 L1 a-c 8",
    "2 L1 x-z 8",
    "10 L0 d-end 1 r",
    "11 L0 d-e 1",
    "12 L0 d-e 1",
    "13 L0 d-e 1",
  ),
  "a full level 1 sends down the table that overlaps least": versionFrom(
    ...full(1, 20, 8, 10),
    "40 L2 a0-b5 8",
    "41 L2 c0-d5 8",
    "42 L2 e0-e1 1",
    "43 L2 f0-h9 8",
  ),
  "a table that overlaps nothing is moved": versionFrom(...full(1, 20, 8, 10), "40 L2 b0-h9 8"),
  "a table with deletes is rewritten, not moved": versionFrom("20 L1 a-b 70 d", "40 L2 x-z 8"),
  "the fuller of two full levels goes first": versionFrom(
    ...full(1, 20, 7, 10),
    ...full(2, 40, 20, 60),
  ),
  "level 0 goes first among equals": versionFrom(
    "1 L0 a-b 1",
    "2 L0 a-b 1",
    "3 L0 a-b 1",
    "4 L0 a-b 1",
    "20 L1 a-b 64",
  ),
  "the last level is never compacted by itself": versionFrom("20 L6 a-b 1000000"),
};

test("each choice is the one in the golden file", async () => {
  const lines: string[] = [];
  for (const [name, version] of Object.entries(versions)) {
    expect(versionProblems(version)).toEqual([]);
    lines.push(
      `# ${name}`,
      "",
      versionText(version),
      "",
      `=> ${jobText(pickCompaction(version, SETTINGS))}`,
    );
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
});
