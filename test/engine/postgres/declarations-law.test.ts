/**
 * Programs that declare one collection differently, opened one after another on one table and used in any order: whatever
 * was opened in between, each reads what is stored, keeps all indexes, or says that it cannot.
 */
import { collection, open, SchemaMismatch } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const User = z.object({ email: z.string(), city: z.string(), age: z.number().int() });
type Fields = z.infer<typeof User>;
type Stored = Fields & { readonly id: string };

const all = {
  byCity: ["city", "-age"],
  byEmail: { on: ["email"], unique: true },
  byAge: { on: ["age"], include: ["city"] },
  perCity: { count: true, by: ["city"] },
  ages: { sum: "age", by: ["city"] },
  adults: { on: ["city"], where: { age: { gte: 18 } } },
} as const;
type IndexName = keyof typeof all;
/** Only programs that declare it can keep it: its filter is stored for people. */
const UNKNOWN: IndexName = "adults";

const declarations: readonly (readonly IndexName[])[] = [
  [],
  ["byCity"],
  ["byEmail", "perCity"],
  ["perCity", "byEmail", "byAge"],
  ["ages", "byAge", "byCity"],
  ["adults", "byEmail"],
];

function openWith(table: string, names: readonly IndexName[]) {
  const indexes = Object.fromEntries(names.map((name) => [name, all[name]])) as unknown as {
    readonly byEmail: { readonly on: ["email"]; readonly unique: true };
  };
  return open(
    { engine: postgres({ url: sharedServer().url, table, connectionsMax: 5 }) },
    { collections: { users: collection("users", User, { indexes }) }, fullScan: "allow" },
  );
}
type Program = Awaited<ReturnType<typeof openWith>>;

type Id = Parameters<Program["users"]["get"]>[0];

interface Opened {
  readonly names: readonly IndexName[];
  readonly db: Program;
}

const cities = ["Oslo", "Rome", "Lima"];
type Step =
  | { readonly do: "open"; readonly declaration: number; readonly waits: boolean }
  | {
      readonly do: "insert" | "update" | "delete" | "both";
      readonly by: number;
      readonly pick: number;
    }
  | { readonly do: "look"; readonly by: number; readonly pick: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("open" as const),
      declaration: fc.nat(declarations.length - 1),
      waits: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("insert", "update", "delete", "both"),
      by: fc.nat(9),
      pick: fc.nat(99),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("look" as const), by: fc.nat(9), pick: fc.nat(99) }),
  },
);

class World {
  readonly #table = freshTable();
  readonly #programs: Opened[] = [];
  readonly #model = new Map<string, Stored>();
  #stored: readonly IndexName[] = [];
  #emails = 0;

  async open(declaration: number, waits: boolean): Promise<void> {
    const names = declarations[declaration]!;
    const db = await openWith(this.#table, names);
    this.#programs.push({ names, db });
    // Its first use brings its indexes.
    await (waits ? db.ready() : db.users.count());
    this.#stored = names;
  }

  async run(one: Exclude<Step, { readonly do: "open" }>): Promise<void> {
    const program = this.#programs[one.by % this.#programs.length]!;
    if (one.do === "look") return await this.#look(program, one.pick);
    const isRefused = this.#stored.includes(UNKNOWN) && !program.names.includes(UNKNOWN);
    const writing = this.#write(program.db, one.do, one.pick);
    if (!isRefused) return (await writing)();
    await expect(writing).rejects.toMatchObject({ _tag: "SchemaMismatch", reason: "changed" });
  }

  /** Gives what the model comes to. */
  async #write(db: Program, what: string, pick: number): Promise<() => void> {
    const { users } = db;
    const old = [...this.#model.values()][pick % Math.max(1, this.#model.size)];
    if (what === "insert" || old === undefined) {
      const added = await users.insert(this.#fields(pick));
      return () => void this.#model.set(added.id, added);
    }
    const id = old.id as Id;
    const patch = { city: cities[pick % 3]!, age: pick };
    if (what === "update") {
      const updated = await users.update(id, patch);
      return () => void this.#model.set(id, updated);
    }
    if (what === "delete") {
      expect(await users.delete(id)).toBe(true);
      return () => void this.#model.delete(id);
    }
    const { added } = await db.transaction(async (tx) => {
      const before = await tx.users.getOrThrow(id);
      await tx.users.delete(id);
      return { added: await tx.users.insert({ ...this.#fields(pick), age: before.age + 1 }) };
    });
    return () => {
      this.#model.delete(id);
      this.#model.set(added.id, added);
    };
  }

  #fields(pick: number): Fields {
    return { email: `u${this.#emails++}`, city: cities[pick % 3]!, age: pick };
  }

  async #look({ db: { users }, names }: Opened, pick: number): Promise<void> {
    const city = cities[pick % 3]!;
    const model = [...this.#model.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const fitting = model.filter((one) => one.city === city);
    const inCity = users.where({ city });
    expect(byId(await inCity.all())).toEqual(fitting);
    expect(await inCity.count()).toBe(fitting.length);
    const { total } = await inCity.aggregate({ total: { sum: "age" } });
    expect(total ?? 0).toBe(fitting.reduce((sum, { age }) => sum + age, 0));
    expect(byId(await users.where({ city, age: { gte: 18 } }).all())).toEqual(
      fitting.filter(({ age }) => age >= 18),
    );
    const some = model[pick % Math.max(1, model.length)];
    if (some === undefined) return;
    expect(await users.get(some.id as Id)).toEqual(some);
    if (!names.includes("byEmail")) return;
    const finding = users.find({ email: some.email });
    if (this.#stored.includes("byEmail")) expect(await finding).toEqual(some);
    else await expect(finding).rejects.toBeInstanceOf(SchemaMismatch);
  }

  async finish(): Promise<void> {
    for (const { db, names } of this.#programs) {
      await this.#look({ db, names }, 1);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    }
  }

  async close(): Promise<void> {
    for (const { db } of this.#programs) await db.close();
  }
}

function byId<D extends { readonly id: string }>(documents: readonly D[]): readonly D[] {
  return documents.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

describe.skipIf(skipReason !== undefined)("programs that declare a collection differently", () => {
  it("each read what is stored, and keep each other's indexes or say that they cannot", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const world = new World();
        try {
          await world.open(0, true);
          for (const one of steps)
            if (one.do === "open") await world.open(one.declaration, one.waits);
            else await world.run(one);
          await world.finish();
        } finally {
          await world.close();
        }
      }),
      { numRuns: 20 },
    );
  }, 120_000);

  it("do so while they write at once, and indexes come and go", async () => {
    const table = freshTable();
    const first = await openWith(table, []);
    const programs = [first];
    const stored = new Map<string, Stored>();
    for (const one of await first.users.insertMany(
      Array.from({ length: 700 }, (_, n) => ({
        email: `first${n}`,
        city: cities[n % 3]!,
        age: n % 90,
      })),
    ))
      stored.set(one.id, one);
    let isOver = false;
    // Documents of a lane are written by nobody else, so what they come to is known.
    const lane = async (number: number): Promise<number> => {
      const own: Id[] = [];
      let writes = 0;
      for (; !isOver; writes++) {
        const { users } = programs[(number + writes) % programs.length]!;
        const old = own[writes % 7];
        if (old === undefined || writes % 3 === 0) {
          const fields = {
            email: `${number}/${writes}`,
            city: cities[writes % 3]!,
            age: writes % 90,
          };
          const added = await users.insert(fields);
          own.push(added.id);
          stored.set(added.id, added);
        } else if (writes % 3 === 1) {
          stored.set(old, await users.update(old, { city: cities[writes % 2]!, age: writes % 70 }));
        } else {
          await users.delete(old);
          own.splice(own.indexOf(old), 1);
          stored.delete(old);
        }
      }
      return writes;
    };
    const lanes = [0, 1, 2, 3].map(lane);
    try {
      for (const names of [...declarations, ...declarations.toReversed()]) {
        if (names.includes(UNKNOWN)) continue;
        const next = await openWith(table, names);
        programs.push(next);
        await next.ready();
      }
    } finally {
      isOver = true;
    }
    const writes = await Promise.allSettled(lanes);
    const expected = byId([...stored.values()]);

    expect(writes.filter(({ status }) => status === "rejected")).toEqual([]);
    for (const program of programs) {
      expect(byId(await program.users.all())).toEqual(expected);
      for (const city of cities)
        expect(byId(await program.users.where({ city }).all())).toEqual(
          expected.filter((one) => one.city === city),
        );
      expect(await program.verify()).toEqual({ ok: true, problems: [] });
    }
    for (const program of programs) await program.close();
  }, 120_000);

  it("let no duplicate in while an index that forbids it is on its way", async () => {
    const outcomes = new Set<string>();
    // How long the last opening took: the insert comes before it, within it and behind it, on any machine.
    let openingMillis = 0;
    for (let run = 0; run < 30; run++) {
      const table = freshTable();
      await using one = await openWith(table, []);
      const twice = { email: "twice", city: "Oslo", age: 1 };
      await one.users.insert(twice);
      const opening = (async () => {
        const begun = performance.now();
        await using two = await openWith(table, ["byEmail"]);
        await two.ready().finally(() => (openingMillis = performance.now() - begun));
      })();
      const delay = (run / 15) * openingMillis;
      if (run % 3 > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      const [insert, index] = await Promise.allSettled([one.users.insert(twice), opening]);

      const refusals = [insert, index].filter((each) => each.status === "rejected");
      expect(refusals.map(({ reason }) => (reason as { _tag: string })._tag)).toEqual([
        "UniqueViolation",
      ]);
      outcomes.add(insert.status);
    }
    expect(outcomes.size).toBe(2);
  }, 120_000);
});
