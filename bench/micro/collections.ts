/**
 * What the collections room costs for a document of 9 fields, in ns: its parts alone, then whole operations over the
 * memory engine, whose own share is large. Best of several runs. Run: npx tsx bench/micro/collections.ts
 */
import { randomFillSync } from "node:crypto";
import { z } from "zod";
import {
  Catalog,
  CollectionStore,
  collection,
  documentKey,
  idOf,
} from "../../src/collections/index.ts";
import { DocumentCodec } from "../../src/collections/document/document-codec.ts";
import { DocumentIds } from "../../src/collections/document/document-id.ts";
import { EntryMaker } from "../../src/collections/index/index-entries.ts";
import { CellMaker } from "../../src/collections/tally/tally-cells.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { transact, withView } from "../../src/transaction/index.ts";
import type { Transaction, TransactionHost } from "../../src/transaction/index.ts";
import { nodeTimers } from "../../src/engine/lsm/host/index.ts";

const schema = z.object({
  email: z.string(),
  name: z.string(),
  age: z.number(),
  role: z.enum(["admin", "member"]),
  tags: z.array(z.string()),
  address: z.object({ city: z.string(), zip: z.number() }),
  logins: z.number(),
  active: z.boolean(),
  createdAt: z.date(),
});
const Plain = collection("plain", schema);
const Indexed = collection("indexed", schema, {
  indexes: {
    byEmail: { on: ["email"], unique: true },
    byCity: ["address.city", "-createdAt"],
    byTag: ["tags[]"],
  },
});
const Counted = collection("counted", schema, {
  indexes: {
    perRole: { count: true, by: ["role"] },
    perCity: { count: true, by: ["address.city"] },
    logins: { sum: "logins", by: ["role"] },
  },
});
const user = (i: number) => ({
  email: `user${i}@example.org`,
  name: `User Number ${i}`,
  age: i % 90,
  role: "member",
  tags: ["math", "art"],
  address: { city: "Oslo", zip: 150 + i },
  logins: i * 7,
  active: i % 2 === 0,
  createdAt: new Date(1.7e12 + i * 1e6),
});
const transactionHost: TransactionHost = {
  nowMillis: () => performance.now(),
  random: () => 0.5,
  ...nodeTimers,
  report: (error) => console.error(error),
};
const idHost = {
  nowMillis: () => Date.now(),
  randomFill: (target: Uint8Array) => void randomFillSync(target),
};

function measured(name: string, count: number, work: (i: number) => unknown): void {
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) work(i);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  console.log(best.toFixed(0).padStart(7), name);
}

const users = Array.from({ length: 1000 }, (_, i) => user(i));
const codec = new DocumentCodec("users", Plain.definition.schema.shape, []);
const encoded = users.map((one) => Uint8Array.from(codec.encode(one)));
console.log(`${encoded[500]!.length} bytes; as JSON ${JSON.stringify(users[500]).length}`);
measured("encode", 200_000, (i) => codec.encode(users[i % 1000]!));
measured("decode", 200_000, (i) => codec.decode(encoded[i % 1000]!, 0, encoded[i % 1000]!.length));
const ids = new DocumentIds(idHost);
const prefix = Uint8Array.of(1, 0);
const id = ids.next();
const key = documentKey(prefix, id);
measured("new id", 200_000, () => ids.next());
measured("id to key", 200_000, () => documentKey(prefix, id));
measured("key to id", 200_000, () => idOf(key, 2, key.length));

const engine = new MemoryEngine();
const catalog = new Catalog({ engine, transactionHost, ...idHost });
const plain = new CollectionStore(catalog, Plain.definition);
const indexed = new CollectionStore(catalog, Indexed.definition);
await plain.ready();
await indexed.ready();
const counted = new CollectionStore(catalog, Counted.definition);
await counted.ready();
for (const index of indexed.layout().indexes) {
  const maker = new EntryMaker("indexed", index, prefix.length);
  measured(`entries of ${index.name}`, 100_000, (i) =>
    maker.entriesOf(key, { ...users[i % 1000]!, id }),
  );
}

for (const tally of counted.layout().tallies) {
  const maker = new CellMaker("counted", tally);
  measured(`cells of ${tally.name}`, 100_000, (i) =>
    maker.changesOf(undefined, { ...users[i % 1000]!, id }),
  );
}

let count = 0;
const write = (work: (tx: Transaction) => unknown): unknown =>
  transact(transactionHost, engine, work, { runsUserCode: false });
measured("insert without indexes, one a transaction", 10_000, () =>
  write((tx) => plain.insert(tx, user(count++))),
);
measured("insert with 4 index entries, one a transaction", 10_000, () =>
  write((tx) => indexed.insert(tx, user(count++))),
);
measured("insert with 4 cells, one a transaction", 10_000, () =>
  write((tx) => counted.insert(tx, user(count++))),
);
const kept: string[] = [];
for (let i = 0; i < 1000; i++) {
  await write(async (tx) => {
    kept.push((await indexed.insert(tx, user(count++))).id);
  });
}
measured("get", 100_000, (i) => withView(engine, (view) => indexed.get(view, kept[i % 1000]!)));
measured("find by a unique key", 50_000, (i) =>
  withView(engine, (view) =>
    indexed.find(view, { email: `user${10_000 + (i % 10_000)}@example.org` }),
  ),
);
measured("update of a field without index", 10_000, (i) =>
  write((tx) => indexed.update(tx, kept[i % 1000]!, { age: i % 90 })),
);
measured("update of an indexed field", 10_000, (i) =>
  write((tx) => indexed.update(tx, kept[i % 1000]!, { tags: ["math", `t${i}`] })),
);
