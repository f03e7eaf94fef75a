/** What is held while other things happen: snapshots, streams and cursors of pages. */
import { expectRows, expectSame, expectThat, expectTag, Mismatch, valueOf } from "./compare.ts";
import type { Life } from "./life.ts";
import { outcomeOf, tagOf } from "./loose.ts";
import type { LooseSnapshot } from "./loose.ts";
import { collectionNames, orderOf, picked, rowsOf } from "./plain.ts";
import type { Asked, CollectionName, Model } from "./plain.ts";
import type { Of, Read, Step } from "./program.ts";
import type { Unready } from "./readiness.ts";
import { queryOf, read, usable } from "./reading.ts";
import type { Usable } from "./reading.ts";
import type { Doc } from "./values.ts";
import { compareWith } from "./whole.ts";

interface HeldStream {
  readonly iterator: AsyncIterator<Doc>;
  readonly usable: Usable;
  /** The rows there were when it was opened. */
  readonly rows: readonly Doc[];
  readonly seen: Doc[];
}

interface HeldPages {
  readonly name: CollectionName;
  readonly asked: Asked;
  readonly size: number;
  /** The first and last row of the page that was shown last, and its cursors. */
  first: Doc;
  last: Doc;
  next: string | null;
  previous: string | null;
  /** Without an order: what was there all the time, and how often each was shown on the way forwards. */
  readonly lasting: Set<Doc>;
  readonly shown: Map<string, number>;
  hasTurned: boolean;
  /** Its rows come in the order of a plan, which may be another one when an index is ready: then the cursor is refused. */
  readonly mayEnd: boolean;
}

/** The most of a kind that are held: the oldest goes then. */
const HELD_MAX = 4;

export class Held {
  readonly #life: Life;
  readonly #snapshots: {
    readonly view: LooseSnapshot;
    readonly model: Model;
    /** In the state that it shows. */
    readonly unready: Unready;
  }[] = [];
  readonly #streams: HeldStream[] = [];
  #pages: HeldPages[] = [];

  constructor(life: Life) {
    this.#life = life;
  }

  // ---------------------------------------------------------------- snapshots

  async snapshot(): Promise<void> {
    // One from before new defaults were filled in would be refused as too old.
    await this.#life.register();
    const { db, model } = this.#life;
    // Both show one state: nothing comes between.
    const unready = this.#life.unready();
    const view = db.snapshot();
    this.#snapshots.push({ view, model, unready: await unready });
    if (this.#snapshots.length > HELD_MAX) this.closeSnapshot();
  }
  closeSnapshot(): void {
    this.#snapshots.shift()?.view.close();
  }
  async readSnapshot(pick: number, step: Of<Read>): Promise<void> {
    const held = this.#snapshots[pick % Math.max(1, this.#snapshots.length)];
    if (held === undefined) return;
    this.#life.count("read in a snapshot");
    const { model, unready, view } = held;
    (await read(step, view, model, { ...this.#life.readContext, unready }))(model);
  }

  // ---------------------------------------------------------------- streams

  async openStream(step: Step & { do: "openStream" }): Promise<void> {
    const name = collectionNames[step.on];
    const found = usable(step.asked, name, this.#life.edition);
    if (found.refused) return;
    const rows = rowsOf(found.asked, this.#life.model[name].documents.values(), found.index);
    const iterator = queryOf(this.#life.db[name], found.asked).stream()[Symbol.asyncIterator]();
    const stream = { iterator, usable: found, rows, seen: [] };
    // The first row fixes the state that all of them come from.
    const first = await outcomeOf(() => this.#readOn(stream, 1));
    if (!("value" in first)) {
      const { fullScan } = this.#life.readContext;
      if (fullScan !== "error") valueOf(first, "a stream");
      return expectTag(first, "FullScan", "a stream");
    }
    await this.#readOn(stream, step.rows);
    this.#streams.push(stream);
    if (this.#streams.length > HELD_MAX) await this.endStream(true);
  }

  async endStream(whole: boolean): Promise<void> {
    const stream = this.#streams.shift();
    if (stream === undefined) return;
    this.#life.count(whole ? "stream read to the end later" : "stream left");
    if (!whole) return void (await stream.iterator.return?.());
    await this.#readOn(stream, Infinity);
    const { asked, ordered } = stream.usable;
    const count = Math.min(asked.limit ?? Infinity, stream.rows.length);
    const what = "a stream read while others wrote";
    expectRows(stream.seen, count, { rows: stream.rows, ordered, select: asked.select, what });
  }

  async #readOn({ iterator, seen }: HeldStream, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      seen.push(value);
    }
  }

  // ---------------------------------------------------------------- pages

  async openPages(step: Step & { do: "openPages" }): Promise<void> {
    const name = collectionNames[step.on];
    const found = usable({ ...step.asked, limit: undefined }, name, this.#life.edition);
    if (found.refused) return;
    // Which rows of no order came first is told by their ids alone.
    const asked = found.ordered ? found.asked : { ...found.asked, select: undefined };
    const rows = rowsOf(asked, this.#life.model[name].documents.values(), found.index);
    const { db, isBuilding } = this.#life;
    const query = queryOf(db[name], asked);
    const outcome = await outcomeOf(() => query.page({ size: step.size }));
    if ("error" in outcome && tagOf(outcome.error) === "FullScan") return;
    const { items, next, previous } = valueOf(outcome, "a first page");
    const { ordered } = found;
    expectRows(items, Math.min(step.size, rows.length), {
      rows,
      ordered,
      select: asked.select,
      what: "a first page",
    });
    expectThat((next === null) === rows.length <= step.size, () => "the end of a first page");
    if (rows.length === 0) return;
    const shown = ordered ? rows.slice(0, items.length) : items;
    this.#pages.push({
      name,
      asked,
      size: step.size,
      first: shown[0]!,
      last: shown.at(-1)!,
      next,
      previous,
      lasting: new Set(rows),
      shown: new Map(items.map(({ id }) => [id, 1])),
      hasTurned: false,
      mayEnd: isBuilding && asked.index === undefined && asked.orderBy.length === 0,
    });
    if (this.#pages.length > HELD_MAX) this.#pages.shift();
  }

  async turnPage(step: Step & { do: "turnPage" }): Promise<void> {
    const held = this.#pages[step.pick % Math.max(1, this.#pages.length)];
    if (held === undefined) return;
    const { asked, index, ordered, refused } = usable(held.asked, held.name, this.#life.edition);
    // Where there is no way to one side, the other one is taken.
    const back = step.back ? held.previous !== null : held.next === null;
    const cursor = back ? held.previous : held.next;
    if (refused || cursor === null) return this.#drop(held);
    const where = back ? { before: cursor } : { after: cursor };
    const query = queryOf(this.#life.db[held.name], asked);
    const outcome = await outcomeOf(() => query.page({ size: held.size, ...where }));
    if ("error" in outcome && tagOf(outcome.error) === "FullScan") return this.#drop(held);
    if (held.mayEnd && "error" in outcome && tagOf(outcome.error) === "InvalidCursor") {
      this.#life.count("cursor of another plan");
      return this.#drop(held);
    }
    const { items, next, previous } = valueOf(outcome, "a page of a held cursor");
    this.#life.count(`page ${back ? "before" : "after"} a held cursor`);
    const rows = rowsOf(asked, this.#life.model[held.name].documents.values(), index);
    const order = orderOf(asked, index);
    if (!ordered || order === undefined)
      return this.#turnUnordered(held, back, items, rows, next, previous);
    const beyond = back
      ? rows.filter((row) => order(row, held.first) < 0)
      : rows.filter((row) => order(row, held.last) > 0);
    const wanted = back ? beyond.slice(-held.size) : beyond.slice(0, held.size);
    const selected = wanted.map((row) => picked(row, asked.select));
    expectSame(items, selected, `a page ${back ? "before" : "after"} a held cursor`);
    const more = beyond.length > wanted.length;
    expectThat(
      ((back ? previous : next) !== null) === more,
      () => `a page of a held cursor: ${more ? "more rows are there" : "no more rows are there"}`,
    );
    if (wanted.length === 0) return this.#drop(held);
    Object.assign(held, { first: wanted[0], last: wanted.at(-1), next, previous });
  }

  #turnUnordered(
    held: HeldPages,
    back: boolean,
    items: readonly Doc[],
    rows: readonly Doc[],
    next: string | null,
    previous: string | null,
  ): void {
    if (back) held.hasTurned = true;
    const now = new Map(rows.map((row) => [row.id, row]));
    for (const row of held.lasting) if (now.get(row.id) !== row) held.lasting.delete(row);
    for (const item of items) {
      expectSame(item, now.get(item.id), "a row of a page without an order");
      held.shown.set(item.id, (held.shown.get(item.id) ?? 0) + 1);
    }
    Object.assign(held, { next, previous });
    if (held.hasTurned) return items.length === 0 ? this.#drop(held) : undefined;
    for (const { id } of held.lasting) {
      const times = held.shown.get(id) ?? 0;
      if (times > 1) throw new Mismatch(`${id} did not change and came ${times} times`);
      if (next === null && times === 0)
        throw new Mismatch(`${id} was there all the time and was left out of the pages`);
    }
    if (next === null) this.#drop(held);
  }

  #drop(held: HeldPages): void {
    this.#pages = this.#pages.filter((other) => other !== held);
  }

  // ---------------------------------------------------------------- letting go

  /** Whatever is held must still read as it did; then it is let go. */
  async end(): Promise<void> {
    while (this.#streams.length > 0) await this.endStream(true);
    for (const { model, view } of this.#snapshots.splice(0)) {
      this.#life.count("snapshot held to the end");
      await compareWith(model, view);
      view.close();
    }
  }

  /** Those of other versions are of rows that nobody sees any more. */
  dropPages(): void {
    this.#pages = [];
  }

  /** Cursors in the order of keys are those of one set of indexes. */
  keepPages(): void {
    this.#pages = this.#pages.filter(
      ({ asked }) => asked.index === undefined && asked.orderBy.length > 0,
    );
  }

  async abandon(): Promise<void> {
    for (const { view } of this.#snapshots.splice(0)) view.close();
    for (const { iterator } of this.#streams.splice(0)) await iterator.return?.();
    this.keepPages();
  }
}
