/** What include() gives, held against plain arrays: random documents, indexes, relations, refinements and ends. */
import { collection, open, ref } from "kotobadb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { matches, parseFilter } from "../../src/collections/index.ts";
import type { CollectionDefinition, Def } from "../../src/collections/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { promisedEngine } from "../query/promised-engine.ts";
import { engineHere, here, runsHere, variantsHere } from "../support/elsewhere.ts";
import type { Target } from "../support/elsewhere.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

type Row = Record<string, unknown> & { readonly id: string };

const indexPool = {
  plain: ["authorId"],
  byViews: ["authorId", "-views"],
  backwards: ["-authorId", "title"],
  second: ["title", "authorId"],
  partial: { on: ["authorId", "views"], where: { views: { gte: 2 } } },
  ofSome: { on: ["authorId", "views"], where: { authorId: { lt: "u2" } } },
  covering: { on: ["authorId", "title"], include: ["views"] },
  perTag: ["authorId", "tags[]"],
  tagged: ["tags[]", "authorId"],
  views: ["views"],
  editor: ["editorId"],
  onlyTitle: { on: ["title", "views", "editorId"], unique: false },
} as const;
type IndexName = keyof typeof indexPool;

const Users = collection("users", z.object({ name: z.string(), bossId: ref("users").optional() }), {
  indexes: { byBoss: ["bossId"] },
});
const postSchema = z.object({
  authorId: ref("users"),
  editorId: ref("users").nullable().optional(),
  title: z.string(),
  views: z.number(),
  tags: z.array(z.string()),
});

/** The relations, as the plain model knows them. */
const relations = {
  users: {
    posts: { many: "posts", via: "authorId" },
    edited: { many: "posts", via: "editorId" },
    boss: { one: "users", via: "bossId" },
    staff: { many: "users", via: "bossId" },
  },
  posts: {
    author: { one: "users", via: "authorId" },
    editor: { one: "users", via: "editorId" },
  },
} as const;
type Name = keyof typeof relations;
const model: Record<Name, Record<string, { one?: Name; many?: Name; via: string }>> = relations;

interface Refinement {
  readonly where?: object;
  readonly orderBy?: readonly (readonly [string, "asc" | "desc"])[];
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly select?: readonly string[];
  readonly includes: readonly (readonly [string, Refinement])[];
}

const ids = ["u0", "u1", "u2", "u3", "01ARZ3NDEKTSV4RRFFQ69G5FAV"];
const titles = ["a", "b", "c"];
const anId = fc.constantFrom(...ids);
const filters = {
  users: fc.oneof(
    fc.record({ name: fc.constantFrom("A", "B") }),
    fc.record({ bossId: fc.option(anId) }),
    fc.constant({ OR: [{ name: "A" }, { bossId: null }] }),
  ),
  posts: fc.oneof(
    fc.record({ views: fc.record({ gte: fc.integer({ min: 0, max: 4 }) }) }),
    fc.record({ title: fc.record({ in: fc.subarray(titles, { minLength: 1 }) }) }),
    fc.record({ OR: fc.constant([{ views: { lt: 2 } }, { title: "b" }]) }),
    fc.record({ tags: fc.record({ has: fc.constantFrom("x", "y") }) }),
    fc.record({ editorId: fc.option(anId) }),
    fc.record({ authorId: fc.oneof(anId, fc.record({ ne: anId })) }),
    fc.record({ title: fc.constantFrom(...titles), views: fc.constantFrom(1, 3) }),
  ),
};
const fields = { users: ["id", "name", "bossId"], posts: ["id", "title", "views", "authorId"] };

function refinement(of: Name, depth: number, kind: "many" | "one"): fc.Arbitrary<Refinement> {
  const order = fc.tuple(
    fc.constantFrom(...(of === "users" ? ["name", "id"] : ["title", "views", "id", "authorId"])),
    fc.constantFrom("asc" as const, "desc" as const),
  );
  const names = Object.keys(model[of]);
  const include = fc.constantFrom(...names).chain((name) => {
    const { many, one } = model[of][name]!;
    return fc.tuple(
      fc.constant(name),
      refinement((many ?? one)!, depth - 1, many === undefined ? "one" : "many"),
    );
  });
  const both = {
    where: filters[of],
    select: fc.subarray(fields[of]),
    includes:
      depth === 0
        ? fc.constant([])
        : fc.uniqueArray(include, { maxLength: 2, selector: ([name]) => name }),
  };
  if (kind === "one") return fc.record(both, { requiredKeys: ["includes"] }) as never;
  return (
    fc
      .record(
        {
          ...both,
          orderBy: fc.array(order, { minLength: 1, maxLength: 2 }),
          reverse: fc.boolean(),
          limit: fc.integer({ min: 0, max: 3 }),
        },
        { requiredKeys: ["includes"] },
      )
      // Which rows a limit leaves out is told only where there is an order.
      .map((made) => (made.orderBy === undefined ? { ...made, limit: undefined } : made)) as never
  );
}

/** What the model gives: rows in order, or sorted by id where no order was asked for. */
class PlainWorld {
  readonly rows: Record<Name, readonly Row[]>;
  readonly definitions: Record<Name, CollectionDefinition>;
  constructor(rows: Record<Name, readonly Row[]>, definitions: Record<Name, CollectionDefinition>) {
    this.rows = rows;
    this.definitions = definitions;
  }
  ask(
    of: Name,
    query: Refinement,
    from: readonly Row[] = this.rows[of],
  ): Record<string, unknown>[] {
    const { name, schema } = this.definitions[of];
    const filter = parseFilter(name, schema.shape, query.where ?? {});
    let rows = from.filter((row) => matches(filter, row)).toSorted(compareIds);
    const order = query.orderBy;
    if (order !== undefined) {
      const sign = (direction: string): number => (direction === "desc" ? -1 : 1);
      rows = rows.toSorted((a, b) => {
        for (const [path, direction] of order) {
          const difference = path === "id" ? compareIds(a, b) : compare(a[path], b[path]);
          if (difference !== 0) return difference * sign(direction);
        }
        return compareIds(a, b) * sign(order.at(-1)![1]);
      });
      if (query.reverse === true) rows.reverse();
    }
    return rows.slice(0, query.limit).map((row) => this.#shown(of, query, row));
  }
  #shown(of: Name, { includes, select }: Refinement, row: Row): Record<string, unknown> {
    const shown: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(row))
      if (select === undefined || select.includes(field)) shown[field] = value;
    for (const [name, inner] of includes) {
      const { many, one, via } = model[of][name]!;
      if (many !== undefined)
        shown[name] = this.ask(
          many,
          inner,
          this.rows[many].filter((other) => other[via] === row.id),
        );
      else {
        const found = this.rows[one!].filter(({ id }) => id === row[via]);
        shown[name] = this.ask(one!, inner, found)[0] ?? null;
      }
    }
    return shown;
  }
}
function compare(a: unknown, b: unknown): number {
  return (a as string) < (b as string) ? -1 : a === b ? 0 : 1;
}
/** ULIDs come before the callers' own ids. */
function compareIds(a: { readonly id: string }, b: { readonly id: string }): number {
  return compare(a.id.length === 26 ? `!${a.id}` : a.id, b.id.length === 26 ? `!${b.id}` : b.id);
}

interface Asked {
  where(filter: object): Asked;
  orderBy(path: string, direction: string): Asked;
  reverse(): Asked;
  limit(count: number): Asked;
  select(...names: readonly string[]): Asked;
  include(name: string, refine: (query: Asked) => Asked): Asked;
  all(): Promise<Row[]>;
  page(options: object): Promise<{ items: Row[]; next: string | null }>;
  stream(): AsyncIterable<Row>;
}
function asked(query: Asked, wanted: Refinement, selectLast: boolean): Asked {
  let q = query;
  if (wanted.where !== undefined) q = q.where(wanted.where);
  for (const [path, direction] of wanted.orderBy ?? []) q = q.orderBy(path, direction);
  if (wanted.orderBy !== undefined && wanted.reverse === true) q = q.reverse();
  if (wanted.limit !== undefined) q = q.limit(wanted.limit);
  const names = wanted.includes.map(([name]) => name);
  if (wanted.select !== undefined && !selectLast) q = q.select(...wanted.select);
  for (const [name, inner] of wanted.includes)
    q = q.include(name, (related) => asked(related, inner, selectLast));
  return wanted.select !== undefined && selectLast ? q.select(...wanted.select, ...names) : q;
}
/** Rows without an order are compared sorted: by their text, which both sides have. */
function settled(rows: readonly unknown[], wanted: Refinement): unknown[] {
  const inner = (rows as Record<string, unknown>[]).map((row) => {
    const copy: Record<string, unknown> = { ...row };
    for (const [name, refined] of wanted.includes) {
      const value = copy[name];
      if (Array.isArray(value)) copy[name] = settled(value, refined);
      else if (value !== null) [copy[name]] = settled([value], refined);
    }
    return Object.fromEntries(Object.entries(copy).toSorted(([a], [b]) => compare(a, b)));
  });
  if (wanted.orderBy !== undefined) return inner;
  return inner.toSorted((a, b) => compare(JSON.stringify(a), JSON.stringify(b)));
}

const user = fc.record(
  { name: fc.constantFrom("A", "B"), bossId: anId },
  { requiredKeys: ["name"] },
);
const post = fc.record(
  {
    authorId: anId,
    editorId: fc.option(anId),
    title: fc.constantFrom(...titles),
    views: fc.integer({ min: 0, max: 4 }),
    tags: fc.subarray(["x", "y"]),
  },
  { requiredKeys: ["authorId", "title", "views", "tags"] },
);

async function agrees(
  world: PlainWorld,
  db: Record<string, unknown>,
  of: Name,
  wanted: Refinement,
  selectLast: boolean,
): Promise<void> {
  const query = asked(db[of] as Asked, wanted, selectLast);
  const expected = settled(world.ask(of, wanted), wanted);
  expect(settled(await query.all(), wanted)).toEqual(expected);
  const streamed: Row[] = [];
  for await (const row of query.stream()) streamed.push(row);
  expect(settled(streamed, wanted)).toEqual(expected);
  if (wanted.limit !== undefined) return;
  const paged: Row[] = [];
  let after: string | null = null;
  do {
    const page: { items: Row[]; next: string | null } = await query.page({ size: 2, after });
    paged.push(...page.items);
    after = page.next;
  } while (after !== null);
  expect(settled(paged, wanted)).toEqual(expected);
}

interface Variant {
  readonly name: string;
  readonly target: (path: string) => Target;
  readonly runs: number;
}
const variants = variantsHere<Variant>(
  [
    { name: "memory", target: () => ":memory:", runs: 120 },
    {
      name: "promised",
      target: () => ({ engine: promisedEngine(new MemoryEngine()) }),
      runs: 120,
    },
    { name: "disk", target: (path) => path, runs: 20 },
  ],
  { name: "elsewhere", target: () => ({ engine: engineHere() }), runs: runsHere(120) },
);

for (const { name, runs, target } of variants) {
  test(`include() agrees with plain arrays: ${name}`, { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(
      fc.subarray(Object.keys(indexPool) as IndexName[]),
      fc.array(user, { minLength: ids.length, maxLength: ids.length }),
      fc.array(post, { maxLength: 14 }),
      fc
        .constantFrom("users" as const, "posts" as const)
        .chain((of) =>
          fc.tuple(
            fc.constant(of),
            fc.array(refinement(of, 2, "many"), { minLength: 1, maxLength: 4 }),
          ),
        ),
      fc.boolean(),
      async (names, users, posts, [of, queries], selectLast) => {
        const indexes = Object.fromEntries(names.map((index) => [index, indexPool[index]]));
        const Posts = collection("posts", postSchema, { indexes } as object);
        await using folder = await temporaryFolder();
        await using db = await open(target(folder.path), {
          collections: { users: Users, posts: Posts },
          relations: relations as {},
          fullScan: "allow",
        });
        const storedUsers = await db.users.insertMany(
          users.map((made, i) => ({ ...made, id: ids[i] })) as never,
        );
        // Half of the posts are the transaction's own writes.
        const half = Math.floor(posts.length / 2);
        const before = await db.posts.insertMany(posts.slice(0, half) as never);
        const definitionOf = ({ definition }: Def): CollectionDefinition => definition;
        const definitions = { users: definitionOf(Users), posts: definitionOf(Posts) };
        const rowsBefore = { users: storedUsers as Row[], posts: before as unknown as Row[] };
        using snapshot = db.snapshot();
        await snapshot.users.count();
        await db.transaction(async (tx) => {
          const own = await tx.posts.insertMany(posts.slice(half) as never);
          const rows = { ...rowsBefore, posts: [...before, ...own] as unknown as Row[] };
          for (const query of queries)
            await agrees(new PlainWorld(rows, definitions), tx as {}, of, query, selectLast);
          rowsBefore.posts = rows.posts;
        });
        for (const query of queries) {
          await agrees(new PlainWorld(rowsBefore, definitions), db as {}, of, query, selectLast);
          const old = { ...rowsBefore, posts: before as unknown as Row[] };
          await agrees(new PlainWorld(old, definitions), snapshot as {}, of, query, selectLast);
        }
      },
    );
    await fc.assert(property, { numRuns: runs });
  });
}

/** Refinements and indexes that fit each other more often than chance would have it: order, limit and what is left to check. */
const fitting = fc.record({
  indexes: fc.uniqueArray(
    fc.constantFrom<IndexName>("byViews", "covering", "backwards", "partial", "ofSome", "second"),
    { minLength: 1, maxLength: 2 },
  ),
  posts: fc.array(post, { minLength: 8, maxLength: 20 }),
  query: fc.record(
    {
      where: filters.posts,
      orderBy: fc.constantFrom(
        ...(["views", "title"] as const).flatMap((path) => [[[path, "asc"]], [[path, "desc"]]]),
      ),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 1, max: 4 }),
      select: fc.subarray(fields.posts),
      includes: fc.constant([]),
    },
    { requiredKeys: ["includes", "orderBy"] },
  ) as unknown as fc.Arbitrary<Refinement>,
});

test("orders and limits that an index answers agree with plain arrays", async () => {
  const property = fc.asyncProperty(fitting, async ({ indexes: names, posts, query }) => {
    const indexes = Object.fromEntries(names.map((index) => [index, indexPool[index]]));
    const Posts = collection("posts", postSchema, { indexes } as object);
    await using db = await open(here(":memory:"), {
      collections: { users: Users, posts: Posts },
      relations: relations as {},
      fullScan: "allow",
    });
    const users = await db.users.insertMany(ids.map((id) => ({ id, name: "A" })) as never);
    const rows = await db.posts.insertMany(posts as never);
    const definitions = { users: Users.definition, posts: Posts.definition };
    const world = new PlainWorld({ users, posts: rows } as never, definitions);
    const wanted: Refinement = { includes: [["posts", query]] };
    await agrees(world, db as {}, "users", wanted, false);
  });
  await fc.assert(property, { numRuns: runsHere(600) });
});
