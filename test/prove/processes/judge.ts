/** Opens the store that a process left, and holds it to what was acknowledged. */
import { deepStrictEqual } from "node:assert/strict";
import { UniqueViolation } from "kotobadb";
import type { LsmEngine, Version, WriteOp } from "kotobadb/engine";
import type { Acknowledged } from "./life.ts";
import { statesAfter } from "./lanes.ts";
import type { Item, LaneState } from "./lanes.ts";
import { openStore } from "./store.ts";
import type { Store, StoreOptions } from "./store.ts";

export interface Promised {
  readonly seed: number;
  /** Before the life that is judged. */
  readonly lanes: readonly LaneState[];
  /** So many transactions of each lane must be there at least. */
  readonly fewest: Acknowledged;
  /** And so many at most. */
  readonly most: Acknowledged;
}

/** Opens the store and gives the state of each lane that is in it. @throws what is not as it was promised. */
export async function judgeStore(
  options: StoreOptions,
  promised: Promised,
  mirror?: Mirror,
): Promise<readonly LaneState[]> {
  const { db, engine } = await openStore(options);
  try {
    const lanes = await judgeContents(db, promised);
    const { problems } = await db.verify();
    if (problems.length > 0) throw new Error(`verify: ${problems.join("\n")}`);
    await judgeUniqueKeys(db, lanes);
    await mirror?.follow(engine);
    return lanes;
  } finally {
    await db.close();
  }
}

async function judgeContents(db: Store, promised: Promised): Promise<readonly LaneState[]> {
  using snapshot = db.snapshot();
  const items = await snapshot.items.all();
  const progress = new Map((await snapshot.progress.all()).map(({ lane, n }) => [lane, n]));
  const lanes = promised.lanes.map((before): LaneState => {
    const { lane } = before;
    const most = promised.most[lane]!;
    const states = statesAfter(before, promised.seed, most).slice(promised.fewest[lane]!);
    const found = {
      n: progress.get(lane) ?? 0,
      items: items
        .filter((item) => item.lane === lane)
        .map(withoutId)
        .toSorted((a, b) => a.n - b.n),
    };
    const state = states.find(({ n }) => n === found.n);
    if (state === undefined)
      throw new Error(
        `lane ${lane} is after transaction ${found.n}, must be from ${states[0]!.n} to ${states.at(-1)!.n}`,
      );
    deepStrictEqual(
      found.items,
      state.items,
      `lane ${lane} is not what transaction ${state.n} left`,
    );
    return state;
  });
  const hits = lanes.reduce((sum, lane) => sum + lane.hits, 0);
  const total = (await snapshot.totals.find({ name: "all" }))?.value ?? 0;
  if (total !== hits) throw new Error(`the total is ${total}, the transactions there made ${hits}`);
  const known = new Set(promised.lanes.map(({ lane }) => lane));
  const strange = items.filter(({ lane }) => !known.has(lane));
  if (strange.length > 0) throw new Error(`items of no lane: ${JSON.stringify(strange)}`);
  return lanes;
}

function withoutId({ balance, email, lane, n, tags, text }: Item): Item {
  return { balance, email, lane, n, tags, text };
}

/** The newest unique key of each lane is taken, and leads to its document. */
async function judgeUniqueKeys(db: Store, lanes: readonly LaneState[]): Promise<void> {
  for (const { items } of lanes) {
    const item = items.at(-1);
    if (item === undefined) continue;
    const found = await db.items.find({ email: item.email });
    if (found?.n !== item.n) throw new Error(`${item.email} leads to ${found?.n}, not ${item.n}`);
    const refused = await db.items
      .insert({ ...found, id: undefined as never })
      .catch((e: unknown) => e);
    if (!(refused instanceof UniqueViolation))
      throw new Error(`${item.email} was given away: ${String(refused)}`);
  }
}

/** All rows of a store as its change log tells them, from its making on: it must tell every commit once and whole. */
export class Mirror {
  readonly #rows = new Map<string, string>();
  #version = 0;
  commits = 0;

  async follow(engine: LsmEngine): Promise<void> {
    const snapshot = engine.snapshot();
    const newest = Number(snapshot.version);
    if (newest > this.#version) {
      for await (const sets of engine.changes!(String(this.#version) as Version)) {
        for (const { ops, version } of sets) {
          this.#version = Number(version);
          this.commits++;
          for (const op of ops) this.#apply(op);
        }
        if (this.#version >= newest) break;
      }
    }
    const stored = new Map<string, string>();
    const scan = snapshot.scan({ start: new Uint8Array(), end: undefined });
    for (;;) {
      const page = await scan.next();
      const text = (start: number, end: number): string =>
        Buffer.from(page.buffer.subarray(start, end)).toString("latin1");
      for (let i = 0; i < page.rows; i++)
        stored.set(
          text(page.keyStart[i]!, page.keyEnd[i]!),
          text(page.valueStart[i]!, page.valueEnd[i]!),
        );
      if (page.done) break;
    }
    snapshot.close();
    const told = new Map([...this.#rows].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if ([...told].join("\n") !== [...stored].join("\n"))
      throw new Error(
        `the change log tells ${told.size} rows up to version ${this.#version}, the store holds ${stored.size} of version ${newest}, or others`,
      );
  }

  #apply(op: WriteOp): void {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
    if (op.op === "put") this.#rows.set(text(op.key), text(op.value));
    else if (op.op === "del") this.#rows.delete(text(op.key));
    else if (op.op === "delRange") {
      const [start, end] = [text(op.range.start), op.range.end && text(op.range.end)];
      for (const key of this.#rows.keys())
        if (key >= start && (end === undefined || key < end)) this.#rows.delete(key);
    } else throw new Error(`no commit of documents has a ${op.op}`);
  }
}
