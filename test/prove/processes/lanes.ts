/**
 * What the writers of a killed process do, as values: each lane is one writer with documents of its own, and its next
 * transaction follows from its state and a seed. So the parent knows, without asking the database, what must be there.
 *
 * Always true: a lane begins a transaction when the one before it is acknowledged. After a kill its documents are those
 * after the last acknowledged transaction, or after the one that was under way, whole.
 */
import { seededRandom } from "../../../src/testing/kit/index.ts";

export interface Item {
  readonly lane: number;
  readonly n: number;
  readonly email: string;
  readonly balance: number;
  readonly tags: readonly string[];
  readonly text: string;
}
export interface LaneState {
  readonly lane: number;
  /** Transactions so far. */
  readonly n: number;
  /** How often this lane raised the total that all lanes share. */
  readonly hits: number;
  /** In the order in which they were made. */
  readonly items: readonly Item[];
}
export type Op =
  | { readonly op: "insert"; readonly item: Item }
  | { readonly op: "change"; readonly email: string; readonly to: Partial<Item> }
  | { readonly op: "delete"; readonly email: string }
  | { readonly op: "hit" };

/** One lane holds no more items than this, so that a store may be killed for ever. */
const ITEMS_MAX = 24;
const CITIES = ["Oslo", "Rome", "Kyoto"];

export function emptyLane(lane: number): LaneState {
  return { lane, n: 0, hits: 0, items: [] };
}

/** The next transaction of a lane. */
export function nextOps(state: LaneState, seed: number): readonly Op[] {
  const { items, lane } = state;
  const n = state.n + 1;
  const random = seededRandom(seed, lane * 1_000_003 + n);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const tags = (): string[] => CITIES.filter(() => random.oneIn(2));
  const fresh = (part: number): Item => ({
    lane,
    n: n * 4 + part,
    email: `${lane}-${n}-${part}@x.org`,
    balance: random.below(100),
    tags: tags(),
    // Now and then a document that is larger than a memtable.
    text: `${n} `.repeat(random.oneIn(20) ? 3_000 : random.below(60)),
  });
  const hit: readonly Op[] = random.oneIn(5) ? [{ op: "hit" }] : [];
  if (items.length > ITEMS_MAX) {
    const old = items.slice(0, 8).map(({ email }): Op => ({ op: "delete", email }));
    return [...old, ...hit];
  }
  const kind = items.length < 3 ? 0 : random.below(6);
  if (kind === 1) {
    const { email } = pick(items);
    return [{ op: "change", email, to: { balance: n, tags: tags() } }, ...hit];
  }
  if (kind === 2) return [{ op: "delete", email: pick(items).email }, ...hit];
  if (kind === 3) return [...swap(lane, pick(items.slice(1)), items[0]!), ...hit];
  if (kind === 4) {
    // A unique key leaves a document that is deleted for one that is new.
    const { email } = pick(items);
    return [{ op: "delete", email }, { op: "insert", item: { ...fresh(0), email } }, ...hit];
  }
  const count = 1 + random.below(3);
  return [
    ...Array.from({ length: count }, (_, part): Op => ({ op: "insert", item: fresh(part) })),
    ...hit,
  ];
}

/** Two documents exchange a unique key, over a third value. */
function swap(lane: number, a: Item, b: Item): readonly Op[] {
  const between = `between-${lane}`;
  return [
    { op: "change", email: a.email, to: { email: between } },
    { op: "change", email: b.email, to: { email: a.email } },
    { op: "change", email: between, to: { email: b.email } },
  ];
}

export function afterOps(state: LaneState, ops: readonly Op[]): LaneState {
  let { hits } = state;
  let items = [...state.items];
  for (const op of ops) {
    if (op.op === "hit") hits++;
    else if (op.op === "insert") items.push(op.item);
    else if (op.op === "delete") items = items.filter(({ email }) => email !== op.email);
    else items = items.map((item) => (item.email === op.email ? { ...item, ...op.to } : item));
  }
  items.sort((a, b) => a.n - b.n);
  return { lane: state.lane, n: state.n + 1, hits, items };
}

/** The states of a lane from `state` on, after 0 to `steps` transactions. */
export function statesAfter(state: LaneState, seed: number, steps: number): readonly LaneState[] {
  const states = [state];
  for (let i = 0; i < steps; i++) {
    const last = states.at(-1)!;
    states.push(afterOps(last, nextOps(last, seed)));
  }
  return states;
}
