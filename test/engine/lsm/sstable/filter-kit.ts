/** Filters as a table's writer makes them, without the table. */
import { expect } from "vitest";
import type { Bytes } from "../../../../src/base/index.ts";
import { FilterBuilder } from "../../../../src/engine/lsm/sstable/block/filter-builder.ts";
import {
  filterProblem,
  piecesIn,
  wholeFilter,
} from "../../../../src/engine/lsm/sstable/block/filter.ts";
import type { Filter } from "../../../../src/engine/lsm/sstable/block/filter.ts";

export interface BuiltFilter {
  /** Of the filter's own block. */
  readonly payload: Bytes;
  /** In order; none if the filter was not cut. */
  readonly pieces: readonly Bytes[];
  /** Of all payloads. */
  readonly bytes: number;
  /** All lines in memory, as the pieces say. */
  readonly filter: Filter;
}

export function buildFilter(list: readonly Bytes[], prefixes: readonly number[] = []): BuiltFilter {
  const builder = new FilterBuilder(prefixes);
  for (const key of list) builder.add(key, 0, key.length);
  const blocks: Bytes[] = [];
  const written = builder.finish((bytes, length) => {
    blocks.push(bytes.slice(0, length));
    return { offset: blocks.length - 1, length, crc: 0, rawLength: length };
  });
  const payload = blocks.pop()!;
  expect(written.handle).toMatchObject({ offset: blocks.length, length: payload.length });
  expect(filterProblem(payload, payload.length)).toBeUndefined();
  expect(piecesIn(payload)).toHaveLength(blocks.length);
  const filter = wholeFilter(payload, ({ offset }) => blocks[offset]);
  return { payload, pieces: blocks, bytes: written.bytes, filter };
}
