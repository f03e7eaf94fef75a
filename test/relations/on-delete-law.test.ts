/** Relations that are kept whole, held against a plain model: random graphs, rules and writes, alone and at once. */
import { collection, NotFound, open, ref, ReferenceViolation } from "kotobadb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { promisedEngine } from "../query/promised-engine.ts";
import { engineHere, isElsewhere, runsHere } from "../support/elsewhere.ts";

const As = collection(
  "a",
  z.object({ n: z.number(), a: ref("a").optional(), b: ref("b").nullable() }),
  { indexes: { byA: ["a"], byB: ["-b", "n"], perB: { count: true, by: ["b"] } } },
);
const Bs = collection(
  "b",
  z.object({ n: z.number(), a: ref("a").nullable().optional(), b: ref("b").optional() }),
  { indexes: { byA: { on: ["a", "n"], include: ["b"] }, byB: ["b"] } },
);
const collections = { a: As, b: Bs };
type Name = "a" | "b";
type Row = { readonly id: string; readonly n: number } & Partial<Record<Name, string | null>>;
type Rule = "restrict" | "cascade" | "unset" | undefined;
/** What becomes of a document of the first collection when its field loses the document it refers to. */
type Rules = Record<Name, Record<Name, Rule>>;
const names: readonly Name[] = ["a", "b"];

/** Raised by the model in place of a ReferenceViolation. */
class Refused extends Error {}

class PlainGraph {
  readonly rows: Record<Name, Map<string, Row>> = { a: new Map(), b: new Map() };
  readonly rules: Rules;
  constructor(rules: Rules) {
    this.rules = rules;
  }

  write(of: Name, written: readonly Row[]): void {
    const there = (target: Name, id: string): boolean =>
      this.rows[target].has(id) || (target === of && written.some((row) => row.id === id));
    for (const row of written)
      for (const field of names) {
        const id = row[field];
        const before = this.rows[of].get(row.id)?.[field];
        if (this.rules[of][field] === undefined || id === undefined || id === null) continue;
        if (id !== before && !there(field, id)) throw new Refused();
      }
    for (const row of written) this.rows[of].set(row.id, row);
  }

  delete(of: Name, ids: readonly string[]): number {
    const doomed: Record<Name, Set<string>> = { a: new Set(), b: new Set() };
    for (const id of ids) if (this.rows[of].has(id)) doomed[of].add(id);
    const count = doomed[of].size;
    for (let grew = true; grew;) {
      grew = false;
      this.#referrers(doomed, "cascade", (name, row) => {
        if (doomed[name].has(row.id)) return;
        doomed[name].add(row.id);
        grew = true;
      });
    }
    this.#referrers(doomed, "restrict", (name, row) => {
      if (!doomed[name].has(row.id)) throw new Refused();
    });
    for (const name of names) for (const id of doomed[name]) this.rows[name].delete(id);
    this.#referrers(doomed, "unset", (name, row, field) => {
      const changed = { ...this.rows[name].get(row.id)! };
      if (name === "a" && field === "b") changed[field] = null;
      else delete changed[field];
      this.rows[name].set(row.id, changed);
    });
    return count;
  }

  #referrers(
    doomed: Record<Name, Set<string>>,
    rule: Rule,
    visit: (name: Name, row: Row, field: Name) => void,
  ): void {
    for (const name of names)
      for (const field of names)
        if (this.rules[name][field] === rule)
          for (const row of this.rows[name].values())
            if (doomed[field].has(row[field] ?? "")) visit(name, row, field);
  }

  sorted(of: Name): Row[] {
    return [...this.rows[of].values()].toSorted((x, y) => (x.id < y.id ? -1 : 1));
  }
}

const rule = fc.constantFrom<Rule>("restrict", "cascade", "unset", undefined, "cascade", "unset");
const rules: fc.Arbitrary<Rules> = fc.record({
  a: fc.record({ a: rule, b: rule }),
  b: fc.record({ a: rule, b: rule }),
});
const id = fc.constantFrom("1", "2", "3", "4", "5");
const row = fc.record(
  { id, n: fc.integer({ min: 0, max: 2 }), a: fc.option(id), b: fc.option(id) },
  { requiredKeys: ["id", "n"] },
);
type Op =
  | { readonly op: "put"; readonly of: Name; readonly rows: readonly Row[] }
  | { readonly op: "delete"; readonly of: Name; readonly id: string }
  | { readonly op: "deleteMany"; readonly of: Name; readonly n: number };
const name = fc.constantFrom<Name>("a", "b");
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("put" as const),
      of: name,
      rows: fc.uniqueArray(row, { minLength: 1, maxLength: 3, selector: (made) => made.id }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("delete" as const), of: name, id }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("deleteMany" as const),
      of: name,
      n: fc.integer({ min: 0, max: 2 }),
    }),
  },
) as never;

/** As the schemas have it: `a.a` cannot be null, `a.b` cannot be missing, `b.b` cannot be null. */
function fitted(of: Name, made: Row): Row {
  const { a, b, ...rest } = made;
  const fields: Partial<Record<Name, string | null>> = {};
  if (of === "a") {
    if (typeof a === "string") fields.a = a;
    fields.b = b ?? null;
  } else {
    if (a !== undefined) fields.a = a;
    if (typeof b === "string") fields.b = b;
  }
  return { ...rest, ...fields };
}

interface Handle {
  get(id: string): Promise<Row | undefined>;
  insertMany(rows: readonly Row[]): Promise<unknown>;
  replace(id: string, row: Row): Promise<unknown>;
  delete(id: string): Promise<boolean>;
  where(filter: object): { delete(): Promise<number> };
  all(): Promise<Row[]>;
}
type Handles = Record<Name, Handle>;

async function apply(db: Handles, made: Op): Promise<number> {
  const handle = db[made.of];
  if (made.op === "delete") return Number(await handle.delete(made.id));
  if (made.op === "deleteMany") return await handle.where({ n: made.n }).delete();
  const [first] = made.rows;
  const rows = made.rows.map((each) => fitted(made.of, each));
  if (await handle.get(first!.id)) await handle.replace(first!.id, rows[0]!);
  else await handle.insertMany(rows);
  return 0;
}
function applyPlain(plain: PlainGraph, made: Op): number {
  if (made.op === "delete") return plain.delete(made.of, [made.id]);
  const all = plain.sorted(made.of);
  if (made.op === "deleteMany")
    return plain.delete(
      made.of,
      all.filter(({ n }) => n === made.n).map((each) => each.id),
    );
  const rows = made.rows.map((each) => fitted(made.of, each));
  const isThere = plain.rows[made.of].has(rows[0]!.id);
  // insertMany refuses what is there already; the model does not say so, and such writes are left out.
  plain.write(made.of, isThere ? rows.slice(0, 1) : rows);
  return 0;
}
function canBeInserted(plain: PlainGraph, made: Op): boolean {
  if (made.op !== "put" || plain.rows[made.of].has(made.rows[0]!.id)) return true;
  return made.rows.every((each) => !plain.rows[made.of].has(each.id));
}

function declared(of: Rules): object {
  const relation = (from: Name, to: Name): object => ({
    one: to,
    via: to,
    ...(of[from][to] === undefined ? {} : { onDelete: of[from][to] }),
  });
  return {
    a: { toA: relation("a", "a"), toB: relation("a", "b") },
    b: { toA: relation("b", "a"), toB: relation("b", "b") },
  };
}
const openGraph = async (of: Rules, promised: boolean) => {
  const engine = engineHere();
  return await open(
    { engine: promised && !isElsewhere() ? promisedEngine(engine) : engine },
    { collections, relations: declared(of) as {}, fullScan: "allow" },
  );
};

test("writes and deletes do what the plain model does, alone and in one transaction", async () => {
  const property = fc.asyncProperty(
    rules,
    fc.array(op, { minLength: 4, maxLength: 24 }),
    fc.boolean(),
    fc.boolean(),
    async (of, ops, together, promised) => {
      await using db = await openGraph(of, promised);
      const plain = new PlainGraph(of);
      const run = async (handles: Handles): Promise<void> => {
        for (const made of ops) {
          if (!canBeInserted(plain, made)) continue;
          let expected: number | "refused";
          try {
            expected = applyPlain(plain, made);
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
            expected = "refused";
          }
          const outcome = await apply(handles, made).catch((error: unknown) => {
            if (error instanceof ReferenceViolation) return "refused" as const;
            throw error;
          });
          expect(outcome).toBe(expected);
          for (const each of names) expect(await handles[each].all()).toEqual(plain.sorted(each));
        }
      };
      if (together) await db.transaction(async (tx) => await run(tx as never));
      else await run(db as never);
      for (const each of names)
        expect(await (db as unknown as Handles)[each].all()).toEqual(plain.sorted(each));
      expect((await db.verify()).problems).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: runsHere(300) });
});

test("whatever runs at once, no kept reference dangles", async () => {
  const all = { a: { a: "cascade", b: "unset" }, b: { a: "restrict", b: "cascade" } } as const;
  const property = fc.asyncProperty(
    fc.array(fc.array(op, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 12 }),
    fc.boolean(),
    async (transactions, promised) => {
      await using db = await openGraph(all, promised);
      const handles = db as unknown as Handles;
      await handles.a.insertMany(["1", "2", "3"].map((key) => ({ id: key, n: 0, b: null })));
      await handles.b.insertMany(["1", "2", "3"].map((key) => ({ id: key, n: 0, a: key })));
      const outcomes = await Promise.allSettled(
        transactions.map((ops, i) =>
          i % 3 === 0
            ? apply(handles, ops[0]!)
            : db.transaction(async (tx) => {
                for (const made of ops) await apply(tx as never, made);
              }),
        ),
      );
      for (const outcome of outcomes)
        if (outcome.status === "rejected" && !isExpected(outcome.reason)) throw outcome.reason;
      const ids = { a: new Set<string>(), b: new Set<string>() };
      for (const each of names)
        for (const found of await handles[each].all()) ids[each].add(found.id);
      for (const each of names)
        for (const found of await handles[each].all())
          for (const field of names) {
            const referred = found[field] ?? undefined;
            if (referred !== undefined) expect(ids[field]).toContain(referred);
          }
      expect((await db.verify()).problems).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: runsHere(300) });
});

/** Two inserts of one id, a replace of what was deleted, a reference to what is gone. */
function isExpected(error: unknown): boolean {
  if (error instanceof ReferenceViolation || error instanceof NotFound) return true;
  return (error as { readonly _tag?: unknown })._tag === "UniqueViolation";
}
