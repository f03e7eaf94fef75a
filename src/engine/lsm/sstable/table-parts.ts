/** What is read of a table when it is opened, and how its blocks are read one by one: all of it checked. */
import type { Bytes } from "../../../base/index.ts";
import type { RangeDelete } from "../cursor/index.ts";
import type { FileHandle } from "../host/index.ts";
import { BlockFile, HANDLE_BYTES, requireCodec } from "./block/block-frame.ts";
import type { BlockHandle } from "./block/block-frame.ts";
import { BlockReader, blockProblem } from "./block/block-reader.ts";
import { filterProblem } from "./block/filter.ts";
import { FOOTER_BYTES, readFooter } from "./footer.ts";
import type { Footer } from "./footer.ts";
import { decodeProperties } from "./properties.ts";
import type { TableProperties } from "./properties.ts";
import { decodeRangeDeletes } from "./range-delete-block.ts";

/** What open() reads of a table. */
export interface TableParts {
  readonly file: BlockFile;
  readonly fileBytes: number;
  readonly footer: Footer;
  /** The payload of the filter's own block. */
  readonly filter: Bytes;
  readonly rangeDeletes: readonly RangeDelete[];
  readonly properties: TableProperties;
  /** Undefined: the table has no point entries. */
  readonly topIndex: BlockReader | undefined;
}

/** Reads and checks all that stays in memory. `fileBytes` is how large the file should be; undefined: unknown. */
export function readTableParts(handle: FileHandle, fileBytes: number | undefined): TableParts {
  const found = handle.size();
  const footer = readFooter(handle, found);
  const file = new BlockFile(handle, footer.fileNumber, found - FOOTER_BYTES);
  if (fileBytes !== undefined && found !== fileBytes) {
    throw file.damaged(Math.min(found, fileBytes), `${fileBytes} bytes`, `${found} bytes`);
  }
  const filter = file.readOwn(footer.filter);
  const noFilter = filterProblem(filter, footer.filter.length);
  if (noFilter !== undefined) throw file.damaged(footer.filter.offset, "a filter", noFilter);
  const rangeDeletes = decodeRangeDeletes(
    file.readOwn(footer.rangeDeletes),
    footer.rangeDeletes.length,
  );
  if (typeof rangeDeletes === "string") {
    throw file.damaged(footer.rangeDeletes.offset, "range deletes", rangeDeletes);
  }
  const properties = decodeProperties(file.readOwn(footer.properties), footer.properties.length);
  if (typeof properties === "string") {
    throw file.damaged(footer.properties.offset, "properties", properties);
  }
  // Better now than at the first read: nothing of such a table can be read here.
  if (properties.compressedBlocks > 0) requireCodec(properties.compression, file.path);
  const topIndex = readTopIndex(file, footer.topIndex);
  return { file, fileBytes: found, footer, filter, rangeDeletes, properties, topIndex };
}

function readTopIndex(file: BlockFile, handle: BlockHandle): BlockReader | undefined {
  if (handle.length === 0) return undefined;
  const { bytes, view } = readBlock(file, handle, HANDLE_BYTES);
  const block = new BlockReader();
  block.attach(bytes, view, 0);
  return block;
}

/** A block of entries in a buffer of its own, checked. */
export function readBlock(
  file: BlockFile,
  handle: BlockHandle,
  valueBytes: number | undefined,
): { readonly bytes: Bytes; readonly view: DataView } {
  return wellFormed(file, handle, valueBytes, file.readOwn(handle));
}

/** The same beside the thread. */
export async function readBlockAsync(
  file: BlockFile,
  handle: BlockHandle,
  valueBytes: number | undefined,
): Promise<{ readonly bytes: Bytes; readonly view: DataView }> {
  return wellFormed(file, handle, valueBytes, await file.readOwnAsync(handle));
}

function wellFormed(
  file: BlockFile,
  handle: BlockHandle,
  valueBytes: number | undefined,
  bytes: Bytes,
): { readonly bytes: Bytes; readonly view: DataView } {
  const view = new DataView(bytes.buffer);
  const problem = blockProblem(bytes, view, 0, handle.rawLength, valueBytes);
  if (problem !== undefined) throw file.damaged(handle.offset, "a well-formed block", problem);
  return { bytes, view };
}
