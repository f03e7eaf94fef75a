/**
 * The objects of a history as documents, and what each step does to them through the public API:
 *
 *   list      documents of one group with n = 1, 2, 3...: who appends looks for the greatest, or counts, or reads a range
 *             of an index, and inserts the next one. Groups of `items` have a unique index over n, those of `lines` none.
 *   register  a document of `cells` found by its id, by its unique name or by a query; or one whose unique name several
 *             try to take without looking
 *   flag      a document of `things` that is inserted once, one of `stock` that is deleted once, a tag of `things` that
 *             is pushed once: seen by ranges of indexes, by pages, streams and limits
 *
 * Predicates thus reach the checker as observations of ranges: a phantom is a cycle.
 */
import { collection, push } from "kotobadb";
import type { Db } from "kotobadb";
import type { Effect, Observation } from "kotobadb/testing";
import { z } from "zod";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";

const listed = z.object({ group: z.number(), n: z.number(), by: z.number(), pad: z.string() });
const placed = { color: z.string(), at: z.number(), pad: z.string() };
export const definitions = {
  items: collection("items", listed, {
    indexes: { byPlace: { on: ["group", "n"], unique: true }, byWriter: ["by"] },
  }),
  lines: collection("lines", listed, { indexes: { byPlace: ["group", "-n"] } }),
  cells: collection(
    "cells",
    z.object({ name: z.string(), by: z.number(), value: z.number(), pad: z.string() }),
    { indexes: { byName: { on: ["name"], unique: true }, byWriter: ["by", "value"] } },
  ),
  things: collection("things", z.object({ ...placed, tags: z.array(z.string()) }), {
    indexes: {
      byPlace: ["color", "at"],
      byTag: ["tags[]"],
      red: { on: ["at"], where: { color: "red" } },
    },
  }),
  stock: collection("stock", z.object(placed), {
    indexes: { byPlace: { on: ["color", "-at"], include: ["pad"] } },
  }),
};
export type Database = Db<typeof definitions>;
/** What a step works on: a transaction, a snapshot, or the database itself. */
export type Hands = Pick<Database, keyof typeof definitions>;

interface Cell {
  readonly name: string;
  readonly by: number;
  readonly value: number;
  readonly pad: string;
}

const COLORS = ["blue", "red"] as const;
const AT_MAX = 100_000;
const PLACES = { things: "thing", stock: "gone" } as const;
type Place = keyof typeof PLACES;
interface Placed {
  readonly color: string;
  readonly at: number;
}

/** What is read or written does not fit itself, whatever others did: an answer that contradicts another of one state. */
export class Contradiction extends Error {}

export class Documents {
  readonly #stock: readonly (Placed & { readonly id: string })[];
  #sold = 0;
  #placed = 0;
  #tagged = 0;
  #claimed = 0;
  /** Ids of things that were inserted, by whomever. */
  readonly #things: string[] = [];

  constructor(stock: number) {
    this.#stock = Array.from({ length: stock }, (_, i) => ({
      id: `s${i}`,
      color: COLORS[i % 2]!,
      at: scattered(i),
    }));
  }

  /** Puts the stock there, or what is missing of it. */
  async seed({ stock }: Hands): Promise<void> {
    const there = new Set((await stock.all()).map(({ id }) => String(id)));
    const missing = this.#stock.filter(({ id }) => !there.has(id));
    await stock.insertMany(missing.map((one) => ({ ...one, id: one.id as never, pad: "stock" })));
  }

  // ------------------------------------------------------------------ lists

  /** `held`: all reads are of one state, as in a transaction or a snapshot. */
  async readList(
    on: Hands,
    name: string,
    random: SeededRandom,
    held: boolean,
  ): Promise<Observation> {
    const { from, group, rows } = listOf(on, name);
    switch (random.below(6)) {
      case 0:
        return { of: "length", name, length: await rows.where({ group }).count() };
      case 1: {
        const last = await rows.where({ group }).orderBy("n", "desc").first();
        if (last === undefined) return { of: "list", name, items: [], from: 0 };
        return { of: "list", name, items: [String(last.by)], from: last.n - 1 };
      }
      case 2: {
        const least = random.below(12);
        const found = await rows
          .where({ group, n: { gt: least } })
          .orderBy("n")
          .all();
        return listSeen(name, found, least);
      }
      case 3: {
        const found = [];
        for await (const one of rows.where({ group }).orderBy("n").stream()) found.push(one);
        return listSeen(name, found, 0);
      }
      case 4:
        return {
          of: "length",
          name,
          length: await lengthInPages(
            rows.where({ group }).orderBy("n"),
            held ? 1 + random.below(5) : 1_000,
          ),
        };
      default: {
        const found = await (from === "items"
          ? on.items.index("byPlace", group).all()
          : on.lines.index("byPlace", group).reverse().all());
        return listSeen(name, found, 0);
      }
    }
  }

  async append(on: Hands, seen: Observation, id: number): Promise<readonly Effect[]> {
    if (seen.of !== "list" && seen.of !== "length") return [];
    const length = seen.of === "length" ? seen.length : (seen.from ?? 0) + seen.items.length;
    // Who looked only behind some place, and found nothing, does not know how long it is.
    if (seen.of === "list" && seen.items.length === 0 && seen.from !== 0) return [];
    const { group, rows } = listOf(on, seen.name);
    const made = await rows.insert({ group, n: length + 1, by: id, pad: "i".repeat(id % 40) });
    const found = await rows.where({ group, n: length + 1 }).one();
    if (found.id !== made.id)
      throw new Contradiction(`${seen.name}: inserted ${made.id}, found ${found.id}`);
    return [{ on: "list", name: seen.name, item: String(id) }];
  }

  // ------------------------------------------------------------------ registers

  async readRegister(on: Hands, name: string, random: SeededRandom): Promise<Observation> {
    const { cells } = on;
    const found = await [
      () => cells.get(name as never),
      () => cells.find({ name }),
      () => cells.where({ name }).first(),
      async () => (await cells.getMany([name as never, "none" as never]))[0],
      async () => (await cells.filter((cell) => cell.name === name).all())[0],
    ][random.below(5)]!();
    return { of: "register", name, writer: found?.by, ...(found && { value: found.value }) };
  }

  /** Writes the cell once or twice; only the last value may be seen by others. */
  async write(
    on: Hands,
    seen: Observation & { readonly of: "register" },
    id: number,
    random: SeededRandom,
  ): Promise<readonly Effect[]> {
    const { cells } = on;
    const { name, writer } = seen;
    const cell = (value: number) => ({ name, by: id, value, pad: "c".repeat(id % 50) });
    const own = name as never;
    const values = 1 + random.below(2);
    for (let value = 1; value <= values; value++) {
      if (random.oneIn(4)) {
        await cells.upsert({ name }, { create: { ...cell(value), id: own }, update: cell(value) });
      } else if (writer === undefined && value === 1) {
        await cells.insert({ ...cell(value), id: own });
      } else await this.#overwrite(cells, cell(value), random);
    }
    const after = await cells.find({ name });
    if (after?.by !== id || after.value !== values)
      throw new Contradiction(
        `${name}: wrote value ${values} of ${id}, read ${after?.value} of ${after?.by}`,
      );
    return [{ on: "register", name, replaced: writer, values }];
  }

  async #overwrite(cells: Hands["cells"], cell: Cell, random: SeededRandom): Promise<void> {
    const own = cell.name as never;
    switch (random.below(3)) {
      case 0:
        return void (await cells.replace(own, cell));
      case 1:
        await cells.delete(own);
        return void (await cells.insert({ ...cell, id: own }));
      default:
        return void (await cells.update(own, { by: cell.by, value: cell.value }));
    }
  }

  /** Takes a unique name that others may take at the same time, without looking: one of them can have it. */
  async claim(
    { cells }: Hands,
    id: number,
    random: SeededRandom,
    effects: Effect[],
  ): Promise<void> {
    const name = `claim-${this.#claimed}`;
    if (random.oneIn(2)) this.#claimed++;
    effects.push({ on: "register", name, replaced: undefined });
    await cells.insert({ name, by: id, value: 1, pad: "" });
  }

  // ------------------------------------------------------------------ flags

  /** What it does is told before it is done: of a call that fails, nobody may know whether it took effect. */
  async flip(on: Hands, random: SeededRandom, effects: Effect[]): Promise<void> {
    const tell = (name: string): void => void effects.push({ on: "flag", name });
    switch (random.below(5)) {
      case 0: {
        const one = this.#stock[this.#sold++];
        if (one === undefined) return;
        tell(flagName("stock", one));
        if (!(await on.stock.delete(one.id as never)))
          throw new Contradiction(`${one.id} was gone before it was deleted`);
        return;
      }
      case 1:
        return this.#tag(on, random, tell);
      case 2: {
        const all = [this.#newThing(), this.#newThing(), this.#newThing()];
        for (const one of all) tell(flagName("things", one));
        const made = await on.things.insertMany(all);
        this.#things.push(...made.map(({ id }) => id));
        return;
      }
      default: {
        const one = this.#newThing();
        tell(flagName("things", one));
        this.#things.push((await on.things.insert(one)).id);
      }
    }
  }

  #newThing() {
    const [color, at] = [COLORS[this.#placed % 2]!, scattered(this.#placed++)];
    return { color, at, pad: "t".repeat(at % 60), tags: [] };
  }

  async #tag(on: Hands, random: SeededRandom, tell: (name: string) => void): Promise<void> {
    const id = this.#things[Math.max(0, this.#things.length - 1 - random.below(8))];
    // Whoever inserted it may have lost, or may not be done.
    if (id === undefined || (await on.things.get(id as never)) === undefined) return;
    const tag = tagName(this.#tagged++);
    tell(tag);
    await on.things.update(id as never, { tags: push(tag) });
  }

  async readFlags(on: Hands, random: SeededRandom, held: boolean): Promise<Observation> {
    if (random.oneIn(3)) return this.#readTags(on, random);
    return this.#readPlaces(on, random.oneIn(3) ? "stock" : "things", random, held);
  }

  /** The things with a tag of a range of them, or with one tag. */
  async #readTags({ things }: Hands, random: SeededRandom): Promise<Observation> {
    const from = random.below(10) * (AT_MAX / 10);
    const recent = tagName(Math.max(0, this.#tagged - 4) + random.below(6));
    const [start, end] = random.oneIn(2)
      ? [recent, recent]
      : [`tag/${padded(from)}`, `tag/${padded(from + AT_MAX / 5)}`];
    const isIn = (tag: string): boolean =>
      start === end ? tag === start : tag >= start && tag < end;
    const found = await (start === end
      ? things.where({ tags: { has: start } }).all()
      : things.index("byTag").between(start, end).all());
    if (found.some(({ tags }) => !tags.some(isIn)))
      throw new Contradiction(`a thing without a tag of [${start}, ${end}] was found by one`);
    const flipped = new Set(found.flatMap(({ tags }) => tags.filter(isIn)));
    // The end of a range is not in it, so no name at it counts as looked at.
    return { of: "flags", start, end: start === end ? end : justBefore(end), flipped };
  }

  /** A range of one color, from one end or the other, whole or the first few. */
  async #readPlaces(
    on: Hands,
    place: Place,
    random: SeededRandom,
    held: boolean,
  ): Promise<Observation> {
    const color = COLORS[random.below(2)]!;
    const from = random.oneIn(3) ? 0 : random.below(10) * (AT_MAX / 10);
    const below = random.oneIn(2) ? AT_MAX : from + AT_MAX / 5;
    const reverse = random.oneIn(3);
    const limit = random.oneIn(2) ? 1 + random.below(8) : Infinity;
    const found = await this.#placesOf(on, place, color, from, below, reverse, limit, random, held);
    const last = found.at(-1);
    const [start, end] = [
      { color, at: from },
      { color, at: below - 1 },
    ];
    const whole = last === undefined || found.length < limit;
    const seen = (first: Placed, final: Placed): Observation =>
      this.#placesSeen(place, flagName(place, first), flagName(place, final), found);
    if (whole) return seen(start, end);
    return reverse ? seen(last, end) : seen(start, last);
  }

  async #placesOf(
    on: Hands,
    place: Place,
    color: (typeof COLORS)[number],
    from: number,
    below: number,
    reverse: boolean,
    limit: number,
    random: SeededRandom,
    held: boolean,
  ): Promise<readonly Placed[]> {
    const rows = on[place] as Hands["things"];
    let query = random.oneIn(3)
      ? rows.where({ color, at: { gte: from, lt: below } }).orderBy("at")
      : rows
          .where({ color })
          .where({ at: { gte: from } })
          .where({ at: { lt: below } })
          .orderBy("at");
    if (place === "things" && color === "red" && random.oneIn(3))
      query = on.things.index("red").between(from, below);
    if (reverse) query = query.reverse();
    if (Number.isFinite(limit)) query = query.limit(limit);
    const found = await (random.oneIn(2) ? query.select("color", "at").all() : query.all());
    if (held && random.oneIn(4)) {
      const counted = await query.count();
      if (counted !== found.length)
        throw new Contradiction(`${place}: ${found.length} rows, and a count of ${counted}`);
    }
    return found;
  }
  #placesSeen(place: Place, start: string, end: string, found: readonly Placed[]): Observation {
    const there = new Set(found.map((one) => flagName(place, one)));
    if (place === "things") return { of: "flags", start, end, flipped: there };
    const names = this.#stock.map((one) => flagName(place, one));
    const gone = names.filter((name) => name >= start && name <= end && !there.has(name));
    return { of: "flags", start, end, flipped: new Set(gone) };
  }

  // ------------------------------------------------------------------ everything

  async readAll(
    on: Hands,
    lists: readonly string[],
    registers: readonly string[],
  ): Promise<readonly Observation[]> {
    const seen: Observation[] = [];
    for (const name of lists) {
      const { group, rows } = listOf(on, name);
      seen.push(listSeen(name, await rows.where({ group }).orderBy("n").all(), 0));
    }
    const cells = await on.cells.all();
    const claims = Array.from({ length: this.#claimed + 1 }, (_, i) => `claim-${i}`);
    for (const name of [...registers, ...claims]) {
      const found = cells.find((cell) => cell.name === name);
      seen.push({ of: "register", name, writer: found?.by, ...(found && { value: found.value }) });
    }
    const things = await on.things.all();
    const flipped = new Set(things.map((one) => flagName("things", one)));
    seen.push({ of: "flags", start: "thing/", end: "thing/~", flipped });
    const stock = await on.stock.all();
    seen.push(this.#placesSeen("stock", "gone/", "gone/~", stock));
    const tags = new Set(things.flatMap((one) => one.tags));
    seen.push({ of: "flags", start: "tag/", end: "tag/~", flipped: tags });
    return seen;
  }
}

function listOf(on: Hands, name: string) {
  const group = Number(name.slice(name.indexOf("/") + 1));
  const from = group % 2 === 0 ? ("items" as const) : ("lines" as const);
  return { from, group, rows: on[from] as Hands["lines"] };
}

/** A list has each place once: what else is found is no answer at all. */
function listSeen(
  name: string,
  found: readonly { readonly n: number; readonly by: number }[],
  from: number,
): Observation {
  const hole = found.findIndex(({ n }, i) => n !== from + i + 1);
  if (hole >= 0) {
    const places = found.map(({ n }) => n).join();
    throw new Contradiction(`${name} has a hole, or a place twice, from ${from} on: ${places}`);
  }
  return { of: "list", name, items: found.map(({ by }) => String(by)), from };
}

/** How many rows there are, page by page. */
async function lengthInPages(
  query: {
    page(options: { readonly size: number; readonly after: string | null }): Promise<{
      readonly items: readonly unknown[];
      readonly next: string | null;
    }>;
  },
  size: number,
): Promise<number> {
  let length = 0;
  let after: string | null = null;
  do {
    const page: { readonly items: readonly unknown[]; readonly next: string | null } =
      await query.page({ size, after });
    length += page.items.length;
    after = page.next;
  } while (after !== null);
  return length;
}

/** Consecutive numbers land far apart, none twice: the factor and the size have no common factor. */
function scattered(number: number): number {
  return (number * 61_803) % AT_MAX;
}
function padded(number: number): string {
  return String(number).padStart(6, "0");
}
function tagName(number: number): string {
  return `tag/${padded(scattered(number))}`;
}
function justBefore(tag: string): string {
  return `tag/${padded(Number(tag.slice(4)) - 1)}`;
}
function flagName(place: Place, { at, color }: Placed): string {
  return `${PLACES[place]}/${color}/${padded(at)}`;
}
