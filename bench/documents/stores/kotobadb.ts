/**
 * KotobaDB as its users have it: the built package, a zod schema that every write goes through, documents decoded and
 * typed. Validation and the making of ids are part of every figure.
 */
import type * as Kotoba from "kotobadb";
import { importEngine, importKotobadb } from "../../kit/index.ts";
import type { DocumentStore, Page } from "../document-store.ts";
import { PersonSchema } from "../person.ts";

/** As much as SQLite's pages get. */
const CACHE_BYTES = 64 * 1_024 * 1_024;

const indexes = { byEmail: { on: ["email"], unique: true }, byCity: ["city", "age"] } as const;

function plain(kotoba: typeof Kotoba) {
  return kotoba.collection("people", PersonSchema, { indexes });
}
type People = ReturnType<typeof plain>;
/** With an index that keeps how many people have each role, which costs a little at every write. */
function counting(kotoba: typeof Kotoba) {
  return kotoba.collection("people", PersonSchema, {
    indexes: { ...indexes, perRole: { count: true, by: ["role"] } },
  }) as unknown as People;
}

export async function openKotoba(
  directory: string,
  isDurable: boolean,
  isCounting: boolean,
): Promise<DocumentStore> {
  const kotoba = await importKotobadb();
  const { openLsmEngine } = await importEngine();
  const durability = isDurable ? "durable" : "buffered";
  const engine = await openLsmEngine({
    path: directory,
    durability,
    blockCacheBytesMax: CACHE_BYTES,
  });
  const db = await kotoba.open(
    { engine },
    {
      collections: { people: isCounting ? counting(kotoba) : plain(kotoba) },
      durability,
      fullScan: "allow",
    },
  );
  return storeOn(db);
}

function storeOn(db: Kotoba.Db<{ people: People }>): DocumentStore {
  const { people } = db;
  type PersonId = Kotoba.Id<"people">;
  return {
    insertMany: (all) => people.insertMany(all),
    insert: (person) => people.insert(person),
    get: (id) => people.get(id as PersonId),
    findByEmail: (email) => people.find({ email }),
    range: (city, ageStart, limit) =>
      people
        .where({ city, age: { gte: ageStart } })
        .orderBy("age")
        .limit(limit)
        .all(),
    countRange: (city, ageStart, ageEnd) =>
      people.where({ city, age: { gte: ageStart, lt: ageEnd } }).count(),
    countRole: (role) => people.where({ role }).count(),
    update: (id, patch) => people.update(id as PersonId, patch),
    delete: (id) => people.delete(id as PersonId),
    increment: (id) =>
      db.transaction(async (tx) => {
        const { logins } = await tx.people.getOrThrow(id as PersonId);
        await tx.people.update(id as PersonId, { logins: logins + 1 });
      }),
    page: async (after, size): Promise<Page> => {
      const page = await people
        .orderBy("city")
        .orderBy("age")
        .page({ size, after: after as string | undefined });
      return { items: page.items, next: page.next ?? undefined };
    },
    live: (city, limit, onRows) => {
      const query = people.where({ city }).orderBy("age").limit(limit);
      const live = query.live(({ rows }) => onRows(rows));
      return () => live.close();
    },
    close: () => db.close(),
  };
}
