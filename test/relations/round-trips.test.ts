/** How often include() asks the engine: as the query says, whatever the number of rows. */
import { open } from "kotobadb";
import { expect, test } from "vitest";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import type { ReadView, StorageEngine } from "../../src/engine/contract/index.ts";
import { collections, links } from "./blog.ts";

/** An engine with its own scanMany, as a server has it, and a count of what it is asked. */
function countingEngine(): {
  readonly engine: StorageEngine;
  asked: Record<string, number>;
  /** Of all multi-scans. */
  rows: number;
} {
  const counter = {
    engine: undefined as unknown as StorageEngine,
    asked: {} as Record<string, number>,
    rows: 0,
  };
  const count = (what: string): void => {
    counter.asked[what] = (counter.asked[what] ?? 0) + 1;
  };
  const counted = <V extends ReadView>(view: V): V => {
    const reads: Pick<V, "get" | "read" | "getMany" | "scan" | "scanMany"> = {
      get: (key) => (count("get"), view.get(key)),
      read: (key, decode) => (count("read"), view.read(key, decode)),
      getMany: (keys) => (count("getMany"), view.getMany(keys)),
      scan: (range, options) => (count("scan"), view.scan(range, options)),
      scanMany: (ranges, options = {}) => {
        count("scanMany");
        const { limitEach, ...rest } = options;
        let at = -1;
        let scan: ReturnType<ReadView["scan"]> | undefined;
        return {
          next: async () => {
            for (;;) {
              if (scan === undefined) {
                if (++at === ranges.length) return undefined;
                const limit = limitEach === undefined ? {} : { limit: limitEach };
                scan = view.scan(ranges[at]!, { ...rest, ...limit });
              }
              const page = await scan.next();
              const range = at;
              if (page.done) scan = undefined;
              if (page.rows > 0) {
                counter.rows += page.rows;
                return { range, page };
              }
            }
          },
          close: () => scan?.close(),
        };
      },
    };
    return new Proxy(view, {
      get: (target, name) => {
        if (Object.hasOwn(reads, name)) return reads[name as keyof typeof reads];
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const inner = new MemoryEngine();
  counter.engine = new Proxy(inner, {
    get: (target, name) => {
      if (name === "begin") return async (options: object) => counted(await target.begin(options));
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return counter;
}

test("a thousand rows ask as often as one, and a limit for each row reads no more than it", async () => {
  const counter = countingEngine();
  await using db = await open({ engine: counter.engine }, { collections, relations: links });
  const asks = async (): Promise<Record<string, number>> => {
    counter.asked = {};
    await db.users
      .include("posts", (posts) =>
        posts.include("author").include("comments", (comments) => comments.include("user")),
      )
      .all();
    return counter.asked;
  };
  const add = async (count: number): Promise<void> => {
    const users = await db.users.insertMany(
      Array.from({ length: count }, (_, n) => ({ name: `n${n}` })),
    );
    const posts = await db.posts.insertMany(
      users.flatMap(({ id }) => [1, 2, 3].map((n) => ({ authorId: id, title: `t${n}`, views: n }))),
    );
    await db.comments.insertMany(
      posts.map(({ authorId, id }) => ({ postId: id, userId: authorId, text: "" })),
    );
  };
  await add(1);
  const one = await asks();
  // The users; entries and documents of posts; their authors; entries and documents of comments; their users.
  expect(one).toEqual({ scan: 1, scanMany: 2, getMany: 4 });
  await add(999);
  const many = await asks();
  // The users alone come in more than one page, of one scan.
  expect(many).toEqual(one);
  counter.rows = 0;
  const best = await db.users
    .include("posts", (posts) => posts.orderBy("views", "desc").limit(1).select("views"))
    .all();
  expect(best.every(({ posts }) => posts.length === 1 && posts[0]!.views === 3)).toBe(true);
  expect(counter.rows).toBe(1_000);
});
