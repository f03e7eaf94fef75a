import { describe, expect, it } from "vitest";
import { checkHistory } from "../../src/testing/index.ts";
import type { Effect, History, HistoryTransaction, Observation } from "../../src/testing/index.ts";

const list = (...items: string[]): Observation => ({ of: "list", name: "list/0", items });
const append = (item: string): Effect => ({ on: "list", name: "list/0", item });
const flags = (...flipped: string[]): Observation => ({
  of: "flags",
  start: "grow/a",
  end: "grow/z",
  flipped: new Set(flipped),
});
const flip = (name: string): Effect => ({ on: "flag", name });

/** Transactions that ran at the same time, then the final read. */
function history(
  transactions: readonly Partial<HistoryTransaction>[],
  ...final: Observation[]
): History {
  const usual = { kind: "transaction", outcome: "committed", reads: [], effects: [] } as const;
  const all = transactions.map((parts, id) => ({ ...usual, id, start: id, end: 100, ...parts }));
  const last = { ...usual, id: all.length, kind: "final" as const, start: 200, end: 201 };
  return {
    engine: "written by hand",
    seed: 0,
    readsAreFinal: true,
    transactions: [...all, { ...last, reads: final }],
  };
}

describe("the history checker", () => {
  it("accepts what one after another explains", () => {
    const report = checkHistory(
      history(
        [
          { reads: [list()], effects: [append("0")] },
          { reads: [list("0"), flags()], effects: [append("1"), flip("grow/b")] },
          { reads: [list("0"), flags()] },
        ],
        list("0", "1"),
        flags("grow/b"),
      ),
    );
    expect(report).toMatchObject({ ok: true, committed: 4, problems: [], cycles: [] });
  });

  it("finds a lost append", () => {
    const twice = [
      { reads: [list()], effects: [append("0")] },
      { reads: [list()], effects: [append("1")] },
    ];
    const report = checkHistory(history(twice, list("1")));
    expect(report.problems).toEqual(["lost: what T0 appended to list/0 is not in it at the end"]);
  });

  it("finds an append that is there twice, and one of a transaction that aborted", () => {
    const transactions = [
      { reads: [list()], effects: [append("0")] },
      { reads: [list("0")], effects: [append("1")], outcome: "aborted" as const },
    ];
    const report = checkHistory(history(transactions, list("0", "1", "0")));
    expect(report.problems).toEqual([
      "aborted: list/0 holds what T1 appended, which never committed that",
      "duplicated: list/0 holds what T0 appended twice",
    ]);
  });

  it("finds two writers that replaced the same value of a register", () => {
    const write: Effect = { on: "register", name: "register/0", replaced: undefined };
    const final: Observation = { of: "register", name: "register/0", writer: 1 };
    const report = checkHistory(history([{ effects: [write] }, { effects: [write] }], final));
    expect(report.problems).toContain("lost: T0 and T1 both replaced the same value of register/0");
  });

  it("explains write skew as a cycle of two reads", () => {
    const skew = [
      { reads: [flags()], effects: [flip("grow/b")] },
      { reads: [flags()], effects: [flip("grow/c")] },
    ];
    const report = checkHistory(history(skew, flags("grow/b", "grow/c")));
    expect(report.problems).toEqual([]);
    expect(report.text).toBe(
      [
        "written by hand, seed 0: 3 committed, 0 aborted, 0 unknown; 0 problems, 1 cycles",
        "- no serial order (anti-dependencies):",
        "  T0 (committed transaction, 0 to 100) comes before T1: rw, grow/c unflipped",
        "  T1 (committed transaction, 1 to 100) comes before T0: rw, grow/b unflipped",
      ].join("\n"),
    );
  });

  it("finds a reader that saw half of a batch", () => {
    const half = [{ effects: [flip("grow/b"), flip("grow/c")] }, { reads: [flags("grow/c")] }];
    const report = checkHistory(history(half, flags("grow/b", "grow/c")));
    expect(report.cycles.map(({ kind }) => kind)).toEqual(["one-anti-dependency"]);
  });

  it("finds a reader of an old state that began after the write was acknowledged", () => {
    const stale = [
      { effects: [flip("grow/b")], start: 1, end: 2 },
      { reads: [flags()], start: 3, end: 4 },
    ];
    const report = checkHistory(history(stale, flags("grow/b")));
    expect(report.cycles.map(({ kind }) => kind)).toEqual(["real-time"]);
  });

  it("counts what is unknown as committed if it is there, and else as if it never was", () => {
    const unknown = [
      { reads: [list()], effects: [append("0")], outcome: "unknown" as const },
      { reads: [list()], effects: [append("1")], outcome: "unknown" as const },
    ];
    expect(checkHistory(history(unknown, list("1")))).toMatchObject({ ok: true, unknown: 2 });
  });
});
