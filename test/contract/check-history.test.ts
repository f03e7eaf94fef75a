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
    expect(report.problems).toContain(
      "lost update: T0 and T1 both replaced the same value of register/0",
    );
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
        "- no serial order (G2: reads of ranges into which something came, as phantoms):",
        "  T0 (committed transaction, 0 to 100) comes before T1: it looked in a range and did not see what T1 wrote, grow/c",
        "  T1 (committed transaction, 1 to 100) comes before T0: it looked in a range and did not see what T0 wrote, grow/b",
      ].join("\n"),
    );
  });

  it("finds a reader that saw half of a batch", () => {
    const half = [{ effects: [flip("grow/b"), flip("grow/c")] }, { reads: [flags("grow/c")] }];
    const report = checkHistory(history(half, flags("grow/b", "grow/c")));
    expect(report.cycles.map(({ kind }) => kind)).toEqual(["G-single"]);
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

  const kindsOf = (...parts: Parameters<typeof history>): readonly string[] =>
    checkHistory(history(...parts)).cycles.map(({ kind }) => kind);
  const point = (name: string, isFlipped: boolean): Observation => ({
    of: "flags",
    start: name,
    end: name,
    flipped: new Set(isFlipped ? [name] : []),
  });

  it("tells write skew by keys from write skew by ranges", () => {
    const skew = [
      { reads: [point("grow/c", false)], effects: [flip("grow/b")] },
      { reads: [point("grow/b", false)], effects: [flip("grow/c")] },
    ];
    expect(kindsOf(skew, flags("grow/b", "grow/c"))).toEqual(["G2-item"]);
  });

  it("tells writes in two orders, and two who saw each other's writes", () => {
    const other = (...items: string[]): Observation => ({ of: "list", name: "list/1", items });
    const both = [append("0"), { on: "list", name: "list/1", item: "0" }] as const;
    const inTurn = [append("1"), { on: "list", name: "list/1", item: "1" }] as const;
    const writes = [{ effects: both }, { effects: inTurn }];
    expect(kindsOf(writes, list("0", "1"), other("1", "0"))).toEqual(["G0"]);
    const seen = [
      { reads: [point("grow/c", true)], effects: [flip("grow/b")] },
      { reads: [point("grow/b", true)], effects: [flip("grow/c")] },
    ];
    expect(kindsOf(seen, flags("grow/b", "grow/c"))).toEqual(["G1c"]);
  });

  it("finds who saw a value that its writer replaced before it committed, and who saw an aborted one", () => {
    const write: Effect = { on: "register", name: "r", replaced: undefined, values: 2 };
    const value = (writer: number, one: number): Observation => ({
      of: "register",
      name: "r",
      writer,
      value: one,
    });
    const transactions = [
      { effects: [write] },
      { reads: [value(0, 1)] },
      { reads: [value(3, 1)] },
      { effects: [write], outcome: "aborted" as const },
    ];
    const { problems } = checkHistory(history(transactions, value(0, 2)));
    expect(problems).toEqual([
      "intermediate read: T1 saw value 1 that T0 gave r, which it replaced itself before it committed",
      "T2 saw r written by T3, which was aborted",
    ]);
  });

  it("takes a count for a read of the whole list", () => {
    const counted = [
      { effects: [append("0")], start: 1, end: 2 },
      { reads: [{ of: "length", name: "list/0", length: 0 } as const], start: 3, end: 4 },
    ];
    expect(kindsOf(counted, list("0"))).toEqual(["real-time"]);
  });

  describe("across a crash", () => {
    const acknowledged = (
      durability: "durable" | "memory",
      item: string,
      start: number,
    ): Partial<HistoryTransaction> => ({
      start,
      end: start + 1,
      durability,
      effects: [append(item)],
    });
    const crashedAt = (event: number, all: History): History => ({ ...all, crashes: [event] });

    it("what was durable must be there", () => {
      const { problems } = checkHistory(
        crashedAt(50, history([acknowledged("durable", "0", 1)], list())),
      );
      expect(problems).toEqual(["lost: what T0 appended to list/0 is not in it at the end"]);
    });

    it("what was acknowledged as less may be lost, and who saw it is excused", () => {
      const reader = { start: 3, end: 4, durability: "memory", reads: [list("0")] } as const;
      const all = history([acknowledged("memory", "0", 1), reader], list());
      expect(checkHistory(crashedAt(50, all)).ok).toBe(true);
      expect(checkHistory(all).ok).toBe(false);
    });

    it("nobody is there who began after one that is lost had been acknowledged", () => {
      const all = [acknowledged("memory", "0", 1), acknowledged("durable", "1", 3)];
      const { problems } = checkHistory(crashedAt(50, history(all, list("1"))));
      expect(problems).toEqual([
        "lost: T0 (memory) is gone after a crash, and T1, which began after it was acknowledged, is there",
      ]);
    });
  });
});
