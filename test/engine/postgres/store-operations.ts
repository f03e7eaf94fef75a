/**
 * Operations of the typed store on a remote engine, for whoever counts their round trips or takes their time; on a store
 * that holds twice as many documents as an operation on many of them meets.
 */
import { collection, open, ref } from "kotobadb";
import type { StorageEngine } from "kotobadb/engine";
import { z } from "zod";

const teams = collection("teams", z.object({ name: z.string() }));
const people = collection(
  "people",
  z.object({
    email: z.email(),
    name: z.string(),
    city: z.string(),
    age: z.number().int(),
    teamId: ref("teams"),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["city", "age"],
      byName: ["name"],
      perCity: { count: true, by: ["city"] },
    },
  },
);

async function openStore(engine: StorageEngine) {
  return open(
    { engine },
    {
      collections: { teams, people },
      relations: { people: { team: { one: "teams", via: "teamId" } } },
      fullScan: "allow",
    },
  );
}
type Store = Awaited<ReturnType<typeof openStore>>;

/** `rows`: how many documents an operation on many of them meets. */
export interface Measured {
  readonly store: Store;
  readonly rows: number;
  readonly ids: readonly PersonId[];
  readonly team: Person["teamId"];
  readonly fresh: () => number;
}
type Person = Parameters<Store["people"]["insert"]>[0];
type PersonId = Parameters<Store["people"]["get"]>[0];

const person = (i: number, team: Person["teamId"]): Person => ({
  email: `p${i}@example.org`,
  name: `Person ${i}`,
  city: "Oslo",
  age: i,
  teamId: team,
});
const idAt = ({ ids }: Measured, at: number): PersonId => ids[at]!;
async function twoQueries(
  snapshot: ReturnType<Store["snapshot"]>,
  filter: ReturnType<typeof cityOf>,
): Promise<void> {
  await snapshot.people.where(filter).all();
  await snapshot.people.where(filter).all();
  snapshot.close();
}
const cityOf = (rows: number) => ({ city: "Oslo", age: { lt: rows } });

export const operations: Readonly<Record<string, (on: Measured) => unknown>> = {
  "get by id": (on) => on.store.people.get(idAt(on, 3)),
  "find by a unique key": ({ store }) => store.people.find({ email: "p4@example.org" }),
  "get of many ids": ({ ids, rows, store }) => store.people.getMany(ids.slice(0, rows)),
  "query by an index, all its documents": ({ rows, store }) =>
    store.people.where(cityOf(rows)).all(),
  "the same, first() of them": ({ rows, store }) =>
    store.people.where(cityOf(rows)).orderBy("age", "desc").first(),
  "the same with a relation included": ({ rows, store }) =>
    store.people.where(cityOf(rows)).include("team").all(),
  "count of a range": ({ rows, store }) => store.people.where(cityOf(rows)).count(),
  "count that an index keeps": ({ store }) => store.people.where({ city: "Oslo" }).count(),
  "insert (a unique and three other indexes)": ({ fresh, store, team }) =>
    store.people.insert(person(fresh(), team)),
  "insert of many": ({ fresh, rows, store, team }) =>
    store.people.insertMany(Array.from({ length: rows }, () => person(fresh(), team))),
  "update of one": (on) => on.store.people.update(idAt(on, 5), { name: "Another" }),
  "delete of one": (on) => on.store.people.delete(idAt(on, on.ids.length - 1)),
  "transaction: one read, one write": (on) =>
    on.store.transaction(async (tx) => {
      const { age } = await tx.people.getOrThrow(idAt(on, 6));
      await tx.people.update(idAt(on, 6), { age: age + 1_000 });
    }),
  "transaction: ten reads at once, one write": (on) =>
    on.store.transaction(async (tx) => {
      const found = await Promise.all(
        Array.from({ length: 10 }, (_, i) => tx.people.getOrThrow(idAt(on, i))),
      );
      await tx.people.update(idAt(on, 7), { age: found.length });
    }),
  "snapshot: two queries of one state": ({ rows, store }) =>
    twoQueries(store.snapshot(), cityOf(rows)),
};

/** Opens a database on the engine and fills it; whoever asked closes `store`. */
export async function storeWith(engine: StorageEngine, rows: number): Promise<Measured> {
  const store = await openStore(engine);
  const { id: team } = await store.teams.insert({ name: "One" });
  const inserted = await store.people.insertMany(
    Array.from({ length: 2 * rows }, (_, i) => person(i, team)),
  );
  let next = 1_000_000;
  return { store, rows, ids: inserted.map((one) => one.id), team, fresh: () => next++ };
}
