/** Several lookups in one state: in the order of the keys, so that each block is turned to once; answered as asked. */
import { compareBytes, copyBytes } from "../../../base/index.ts";
import type { Awaitable, Bytes } from "../../../base/index.ts";
import type { PointResult } from "../cursor/index.ts";
import type { BlockReads, Errand } from "../sstable/index.ts";

/** Fewer keys share no blocks worth the sorting. */
const SORT_KEYS_MIN = 16;
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

/** The positions of the keys, in the order of the keys. */
function orderOf(keys: readonly Bytes[]): readonly number[] {
  const order = Array.from(keys, (_, i) => i);
  return keys.length < SORT_KEYS_MIN
    ? order
    : order.sort((a, b) => compareBytes(keys[a]!, keys[b]!));
}
