/** Several lookups in one state: in the order of the keys, so that a block is read once; answered as asked. */
import { copyBytes } from "../../../base/index.ts";
import type { Awaitable, Bytes } from "../../../base/index.ts";
import type { PointResult } from "../cursor/index.ts";
import type { BlockReads, Errand } from "../sstable/index.ts";

/** Fewer keys share no blocks worth the sorting. */
const SORT_KEYS_MIN = 16;
/** A position beside four bytes of a key is a number that a double holds exactly; of more keys none are sorted. */
const POSITIONS = 2 ** 20;
/** Blocks that are read side by side on a slow disk; other keys wait until these have come. */
const BLOCKS_AT_ONCE = 32;

export interface Lookup {
  /** Fills `found`. Throws if the view has ended. */
  readonly find: (key: Bytes) => boolean;
  readonly found: PointResult;
  readonly reads: BlockReads;
}

export function getMany(lookup: Lookup, keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
  const values = Array.from({ length: keys.length }, (): Bytes | undefined => undefined);
  const order = orderOf(keys);
  if (lookup.reads.isSlow) return getSlowly(lookup, keys, order, values);
  const { find } = lookup;
  for (const i of order) if (find(keys[i]!)) values[i] = copyOfFound(lookup.found);
  return values;
}

async function getSlowly(
  { find, found, reads }: Lookup,
  keys: readonly Bytes[],
  order: readonly number[],
  values: (Bytes | undefined)[],
): Promise<(Bytes | undefined)[]> {
  const errand: Errand = reads.newErrand(0);
  try {
    for (let open = order; open.length > 0;) {
      const waiting: number[] = [];
      for (const i of open) {
        const key = keys[i]!;
        const isThere =
          errand.needed < BLOCKS_AT_ONCE ? reads.run(errand, () => find(key)) : undefined;
        if (isThere === undefined) waiting.push(i);
        else if (isThere) values[i] = copyOfFound(found);
      }
      if (waiting.length < open.length) errand.progressed();
      if (waiting.length > 0) await errand.arrived();
      open = waiting;
    }
    return values;
  } finally {
    errand.end();
  }
}

function copyOfFound({ buffer, end, start }: PointResult): Bytes {
  return copyBytes(buffer, start, end);
}

/**
 * The positions of the keys, about in the order of the keys: by the four bytes after what all of them begin with. That is
 * enough for neighbours to come one after another, and one sort of plain numbers; comparing keys took as long as the
 * lookups.
 */
function orderOf(keys: readonly Bytes[]): readonly number[] {
  const { length } = keys;
  if (length < SORT_KEYS_MIN || length > POSITIONS) return Array.from(keys, (_, i) => i);
  const shared = sharedPrefix(keys);
  const heads = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const key = keys[i]!;
    let head = 0;
    for (let at = shared; at < shared + 4; at++) head = head * 256 + (key[at] ?? 0);
    heads[i] = head * POSITIONS + i;
  }
  heads.sort();
  return Array.from(heads, (head) => head % POSITIONS);
}

/** How many bytes all keys begin with. */
function sharedPrefix(keys: readonly Bytes[]): number {
  const first = keys[0]!;
  let shared = first.length;
  for (const key of keys) {
    shared = Math.min(shared, key.length);
    for (let at = 0; at < shared; at++) if (key[at] !== first[at]) shared = at;
  }
  return shared;
}
