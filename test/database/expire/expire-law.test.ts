/**
 * Documents that are inserted, touched and deleted at random while the clock moves both ways: after each visit exactly those
 * are left that a plain model says are not due.
 */
import fc from "fast-check";
import { collection, open, UniqueViolation } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { isElsewhere, runsHere } from "../../support/elsewhere.ts";
import { dateIn, kinds, MINUTE, SECOND, targetOf, warned } from "./support.ts";

const Things = collection(
  "things",
  z.object({
    name: z.string(),
    seen: z.date(),
    until: z.date().nullish(),
    kept: z.boolean(),
  }),
  {
    indexes: {
      byName: { on: ["name"], unique: true },
      stale: { on: ["-seen"], expire: "10m", where: { kept: false } },
      due: { on: ["until"], expire: true, unique: true },
      perKept: { count: true, by: ["kept"] },
    },
  },
);
const STALE_MILLIS = 10 * MINUTE;

/** Around now: some are due, some will be, and some meet the moment exactly. */
const offset = fc.constantFrom(
  -11 * MINUTE,
  -STALE_MILLIS,
  -STALE_MILLIS + 1,
  -SECOND,
  -1,
  0,
  1,
  SECOND,
  5 * MINUTE,
);
const pick = fc.nat(20);
const step = fc.oneof(
  fc.record({
    do: fc.constant("insert" as const),
    name: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
    seen: offset,
    until: fc.option(offset, { freq: 3 }),
    kept: fc.boolean(),
  }),
  fc.record({ do: fc.constant("touch" as const), pick, seen: offset }),
  fc.record({ do: fc.constant("extend" as const), pick, until: fc.option(offset) }),
  fc.record({ do: fc.constant("keep" as const), pick, kept: fc.boolean() }),
  fc.record({ do: fc.constant("delete" as const), pick }),
  fc.record({
    do: fc.constant("sleep" as const),
    millis: fc.constantFrom(1, 2, SECOND, MINUTE, STALE_MILLIS, 70 * MINUTE),
  }),
  fc.record({
    do: fc.constant("setClock" as const),
    millis: fc.constantFrom(-STALE_MILLIS, -SECOND, -1, 1, MINUTE, STALE_MILLIS),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Plain {
  readonly name: string;
  readonly seen: Date;
  readonly until: Date | null;
  readonly kept: boolean;
}

/** The database and its model side by side. */
class Pair {
  readonly host = new SimulatedHost();
  readonly model = new Map<string, Plain>();
  expired = 0;
  #db: Awaited<ReturnType<typeof this.open>> | undefined;

  async open(kind: string) {
    return open(targetOf(kind), { collections: { things: Things }, host: this.host });
  }
  async begin(kind: string): Promise<void> {
    this.#db = await this.open(kind);
  }

  async take(one: Step): Promise<void> {
    const { things } = this.#db!;
    const { host, model } = this;
    switch (one.do) {
      case "insert": {
        const { kept, name } = one;
        const until = one.until === null ? null : dateIn(host, one.until);
        const document = { name, seen: dateIn(host, one.seen), until, kept };
        if (this.#isTaken(undefined, document))
          return expect(things.insert(document)).rejects.toThrow(UniqueViolation);
        model.set((await things.insert(document)).id, document);
        return;
      }
      case "touch":
        return this.#change(one.pick, { seen: dateIn(host, one.seen) });
      case "extend":
        return this.#change(one.pick, {
          until: one.until === null ? null : dateIn(host, one.until),
        });
      case "keep":
        return this.#change(one.pick, { kept: one.kept });
      case "delete": {
        const id = this.#picked(one.pick);
        if (id === undefined) return;
        expect(await things.delete(id as never)).toBe(model.delete(id));
        return;
      }
      case "sleep":
        await host.timers.sleep(one.millis);
        return this.#reap();
      case "setClock": {
        const clock = host.clock as { nowMillis: () => number };
        const { nowMillis } = clock;
        clock.nowMillis = () => nowMillis() + one.millis;
        return this.#reap();
      }
    }
  }

  #picked(number: number): string | undefined {
    const ids = [...this.model.keys()];
    return ids[number % Math.max(1, ids.length)];
  }

  #isTaken(id: string | undefined, { name, until }: Plain): boolean {
    return [...this.model].some(
      ([other, plain]) =>
        other !== id &&
        (plain.name === name || (until !== null && plain.until?.getTime() === until.getTime())),
    );
  }

  async #change(number: number, patch: Partial<Plain>): Promise<void> {
    const id = this.#picked(number);
    if (id === undefined) return;
    const after = { ...this.model.get(id)!, ...patch };
    const update = this.#db!.things.update(id as never, patch as object);
    if (this.#isTaken(id, after)) return expect(update).rejects.toThrow(UniqueViolation);
    await update;
    this.model.set(id, after);
  }

  /** The clock has moved: what is due goes, and nothing else. */
  async #reap(): Promise<void> {
    const now = this.host.clock.nowMillis();
    for (const [id, { kept, seen, until }] of this.model) {
      const isStale = !kept && seen.getTime() + STALE_MILLIS <= now;
      if (!isStale && (until === null || until.getTime() > now)) continue;
      this.model.delete(id);
      this.expired++;
    }
    await this.#db!.expire();
    await this.compare();
  }

  async compare(): Promise<void> {
    const { things } = this.#db!;
    const found = (await things.all()).map(({ id, ...rest }) => [id, rest] as const);
    expect(new Map(found)).toEqual(this.model as Map<string, Plain>);
    const kept = [...this.model.values()].filter((plain) => plain.kept).length;
    expect(await things.where({ kept: true }).count()).toBe(kept);
    expect(await things.where({ kept: false }).count()).toBe(this.model.size - kept);
  }

  async end(): Promise<void> {
    await this.#reap();
    expect(await this.#db!.verify()).toEqual({ ok: true, problems: [] });
    expect(warned(this.host)).toEqual([]);
    await this.#db!.close();
  }
}

for (const kind of kinds)
  test(`after each visit exactly what is not due is left, ${kind}`, async () => {
    let expired = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: "max" }), async (steps) => {
        const pair = new Pair();
        await pair.begin(kind);
        for (const one of steps) await pair.take(one);
        await pair.end();
        expired += pair.expired;
      }),
      { numRuns: runsHere(kind === "lsm" ? 40 : 120) },
    );
    if (!isElsewhere()) expect(expired).toBeGreaterThan(15);
  });
