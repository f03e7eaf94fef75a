import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  CommitPlan,
  EngineTransaction,
  KeyRange,
  Requirement,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { allEntries } from "../../../src/testing/kit/index.ts";

/** The plainest model: the whole state as a map of text, copied whenever a view is opened. */
type Model = Map<string, string>;

const names = fc.constantFrom("", "a", "aa", "ab", "b", "ba", "c", "d");
const values = fc.constantFrom("", "1", "22", "333");
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && new TextDecoder().decode(bytes);

type TextOp =
  | { readonly op: "put"; readonly name: string; readonly value: string }
  | { readonly op: "del"; readonly name: string }
  | { readonly op: "delRange"; readonly start: string; readonly end: string | undefined };

const pointOp: fc.Arbitrary<TextOp> = fc.oneof(
  fc.record({ op: fc.constant("put" as const), name: names, value: values }),
  fc.record({ op: fc.constant("del" as const), name: names }),
);
const rangeOp: fc.Arbitrary<TextOp> = fc.record({
  op: fc.constant("delRange" as const),
  start: names,
  end: fc.option(names, { nil: undefined }),
});
const batch = fc
  .tuple(
    fc.uniqueArray(pointOp, { selector: (op) => ("name" in op ? op.name : ""), maxLength: 5 }),
    fc.array(rangeOp, { maxLength: 1 }),
  )
  .map(([points, ranges]): TextOp[] => [...points, ...ranges]);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), ops: batch }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("open" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), which: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("scan" as const),
      which: fc.nat(9),
      start: names,
      end: fc.option(names, { nil: undefined }),
      reverse: fc.boolean(),
      limit: fc.option(fc.nat(4), { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      which: fc.nat(9),
      ops: batch,
      readKeys: fc.array(names, { maxLength: 2 }),
      readRanges: fc.array(fc.tuple(names, names), { maxLength: 1 }),
      requireAbsent: fc.option(names, { nil: undefined }),
    }),
  },
);

function inRange(name: string, start: string, end: string | undefined): boolean {
  return name >= start && (end === undefined || name < end);
}

function applyTo(model: Model, ops: readonly TextOp[]): void {
  for (const op of ops) {
    if (op.op !== "delRange") continue;
    for (const name of model.keys()) if (inRange(name, op.start, op.end)) model.delete(name);
  }
  for (const op of ops) {
    if (op.op === "put") model.set(op.name, op.value);
    if (op.op === "del") model.delete(op.name);
  }
}

function engineOps(ops: readonly TextOp[]): WriteOp[] {
  return ops.map((op): WriteOp => {
    if (op.op === "put") return { op: "put", key: bytesOf(op.name), value: bytesOf(op.value) };
    if (op.op === "del") return { op: "del", key: bytesOf(op.name) };
    return { op: "delRange", range: rangeOf(op.start, op.end) };
  });
}

function rangeOf(start: string, end: string | undefined): KeyRange {
  return { start: bytesOf(start), end: end === undefined ? undefined : bytesOf(end) };
}

interface OpenView {
  readonly transaction: EngineTransaction;
  readonly model: Model;
}

class Pair {
  readonly engine = new MemoryEngine();
  readonly newest: Model = new Map();
  readonly open: OpenView[] = [];

  async write(ops: readonly TextOp[]): Promise<void> {
    await this.engine.write({ ops: engineOps(ops), requires: [] });
    applyTo(this.newest, ops);
  }

  async openView(): Promise<void> {
    const transaction = await this.engine.begin();
    await transaction.get(bytesOf("a"));
    this.open.push({ transaction, model: new Map(this.newest) });
  }

  take(which: number): OpenView | undefined {
    return this.open.length === 0 ? undefined : this.open.splice(which % this.open.length, 1)[0];
  }

  async expectScan(scan: {
    readonly which: number;
    readonly start: string;
    readonly end: string | undefined;
    readonly reverse: boolean;
    readonly limit: number | undefined;
  }): Promise<void> {
    const view = this.open[scan.which % Math.max(1, this.open.length)];
    if (view === undefined) return;
    const { reverse, limit } = scan;
    const options = limit === undefined ? { reverse } : { reverse, limit };
    const range = rangeOf(scan.start, scan.end);
    const found = await allEntries(view.transaction, range, options);
    const wanted = [...view.model]
      .filter(([name]) => inRange(name, scan.start, scan.end))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (reverse) wanted.reverse();
    expect(found.map(({ key, value }) => [textOf(key), textOf(value)])).toEqual(
      wanted.slice(0, limit),
    );
    for (const name of ["", "a", "ab", "d", "x"]) {
      expect(textOf(await view.transaction.get(bytesOf(name)))).toBe(view.model.get(name));
    }
  }

  /** What was read must hold the same in the newest state, or the commit must fail. */
  async expectCommit(commit: {
    readonly which: number;
    readonly ops: readonly TextOp[];
    readonly readKeys: readonly string[];
    readonly readRanges: readonly (readonly [string, string])[];
    readonly requireAbsent: string | undefined;
  }): Promise<void> {
    const view = this.take(commit.which);
    if (view === undefined) return;
    const requires: Requirement[] =
      commit.requireAbsent === undefined
        ? []
        : [{ is: "absent", key: bytesOf(commit.requireAbsent) }];
    const plan: CommitPlan = {
      readKeys: commit.readKeys.map(bytesOf),
      readRanges: commit.readRanges.map(([start, end]) => rangeOf(start, end)),
      ops: engineOps(commit.ops),
      requires,
    };
    const outcome = await (async () => view.transaction.commit(plan))().then(
      () => "ok",
      (error: Error) => error.name,
    );
    const wasRead = (name: string): boolean =>
      commit.readKeys.includes(name) ||
      commit.readRanges.some(([start, end]) => inRange(name, start, end));
    const everyName = new Set([...this.newest.keys(), ...view.model.keys()]);
    const changed = [...everyName].some(
      (name) => wasRead(name) && this.newest.get(name) !== view.model.get(name),
    );
    const missed =
      commit.requireAbsent !== undefined && this.newest.has(commit.requireAbsent)
        ? commit.requireAbsent
        : undefined;
    const writes = commit.ops.length > 0 || requires.length > 0;
    if (writes && changed) expect(outcome).toBe("Conflict");
    else if (missed !== undefined) {
      // Something that was read may have changed and changed back: Conflict is allowed then.
      expect(wasRead(missed) ? ["Conflict"] : ["RequirementFailed", "Conflict"]).toContain(outcome);
    } else expect(["ok", "Conflict"]).toContain(outcome);
    if (outcome === "ok") applyTo(this.newest, commit.ops);
  }
}

describe("the memory engine", () => {
  it("holds what a copied map holds, in every open view, and forgets it when the views close", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const pair = new Pair();
        for (const one of steps) {
          if (one.do === "write") await pair.write(one.ops);
          else if (one.do === "open") await pair.openView();
          else if (one.do === "close") pair.take(one.which)?.transaction.abort();
          else if (one.do === "scan") await pair.expectScan(one);
          else await pair.expectCommit(one);
        }
        for (const { transaction } of pair.open) transaction.abort();
        const rows = pair.newest.size;
        expect(pair.engine.stats()).toMatchObject({ rows, versions: rows, openViews: 0 });
        expect(await pair.engine.verify()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
