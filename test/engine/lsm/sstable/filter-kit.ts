/** Filters as a table's writer makes them, their blocks alone in the file. */
import { expect } from "vitest";
import type { Bytes } from "../../../../src/base/index.ts";
import { FRAME_BYTES, sealBlock } from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import { FilterBuilder } from "../../../../src/engine/lsm/sstable/block/filter-builder.ts";
import {
  filterProblem,
  piecesIn,
  wholeFilter,
} from "../../../../src/engine/lsm/sstable/block/filter.ts";
import type { Filter } from "../../../../src/engine/lsm/sstable/block/filter.ts";
import { FILE_NUMBER } from "./table-kit.ts";

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
  const blocks = new Map<number, Bytes>();
  let end = 0;
  const written = builder.finish((block, length) => {
    const handle = sealBlock(block, length, FILE_NUMBER, end);
    blocks.set(end, block.slice(0, length));
    end += length + FRAME_BYTES;
    return handle;
  });
  const payload = blocks.get(written.handle.offset)!;
  const pieces = piecesIn(payload).map(({ offset }) => blocks.get(offset)!);
  expect(blocks.size).toBe(pieces.length + 1);
  expect(filterProblem(payload, payload.length)).toBeUndefined();
  const filter = wholeFilter(payload, ({ offset }) => blocks.get(offset));
  return { payload, pieces, bytes: written.bytes, filter };
}
