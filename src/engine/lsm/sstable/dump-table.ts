/** A table as text, for people and for golden tests. Keys and values are hexadecimal, cut after 64 bytes. */
import { hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { entryKindName } from "../codec/index.ts";
import type { RangeDelete } from "../cursor/index.ts";
import type { Host } from "../host/index.ts";
import { DATA_HANDLE_BYTES, readDataHandle, readHandle } from "./block/block-frame.ts";
import type { BlockHandle } from "./block/block-frame.ts";
import { BlockReader } from "./block/block-reader.ts";
import { piecesIn, prefixLengthsIn } from "./block/filter.ts";
import { readBlock, readTableParts } from "./table-parts.ts";
import type { TableProperties } from "./properties.ts";
import type { TableParts } from "./table-parts.ts";

/** All of the table at `path`, entries included. Throws a CorruptionError at the first damaged place. */
export function dumpTable(host: Host, path: string): string {
  const file = host.files.open(path, "read");
  try {
    const parts = readTableParts(file, undefined);
    const lines = summary(parts);
    if (parts.topIndex !== undefined) dumpTop(parts, parts.topIndex, lines);
    for (const one of parts.rangeDeletes) lines.push(`range delete ${rangeDeleteText(one)}`);
    return `${lines.join("\n")}\n`;
  } finally {
    file.close();
  }
}

function summary(parts: TableParts): string[] {
  const { footer, properties } = parts;
  const { keys, entries, tombstones, rangeDeletes } = properties;
  return [
    `table ${footer.fileNumber} of store ${hex(footer.storeId)}, ${parts.fileBytes} bytes`,
    `entries ${entries} (${tombstones} deletes) of ${keys} keys, range deletes ${rangeDeletes}`,
    `keys ${keyText(properties.smallestKey)} to ${keyText(properties.largestKey)}`,
    `sequences ${properties.smallestSequence} to ${properties.largestSequence}`,
    `key bytes ${properties.keyBytes}, value bytes ${properties.valueBytes}`,
    `written ${new Date(properties.writtenAtMillis).toISOString()}`,
    `data blocks ${properties.dataBlocks} (${properties.denseBlocks} dense), ${dataText(properties)}`,
    `index partitions ${properties.indexPartitions}, ${properties.indexBytes} bytes with the top`,
    `filter at ${footer.filter.offset}, ${footer.filter.length} bytes, prefixes ${prefixText(parts)}`,
    ...piecesIn(parts.filter).map((piece) => pieceText(parts, piece)),
  ];
}

function dataText(properties: TableProperties): string {
  const { compressedBlocks, compression, dataBytes, dataRawBytes } = properties;
  if (compressedBlocks === 0) return `${dataBytes} bytes, compressed ${compression}: none of them`;
  const ratio = (dataBytes / dataRawBytes).toFixed(2);
  return `${dataBytes} bytes of ${dataRawBytes} (${ratio}), compressed ${compression}: ${compressedBlocks} of them`;
}

function prefixText({ filter }: TableParts): string {
  const lengths = prefixLengthsIn(filter);
  return lengths.length === 0 ? "none" : `of ${lengths.join(", ")} bytes`;
}

function pieceText({ file }: TableParts, piece: BlockHandle): string {
  file.readOwn(piece);
  return `  piece at ${piece.offset}, ${piece.length} bytes`;
}

function dumpTop(parts: TableParts, top: BlockReader, lines: string[]): void {
  for (let t = 0; t < top.count; t++) {
    const handle = readHandle(top.bytes, top.valueStart(t));
    const partition = openBlock(parts, handle, DATA_HANDLE_BYTES);
    lines.push(`partition ${placeText(top, t, handle)}`);
    for (let p = 0; p < partition.count; p++) {
      const dataHandle = readDataHandle(partition.bytes, partition.valueStart(p));
      const data = openBlock(parts, dataHandle, undefined);
      lines.push(`  block ${placeText(partition, p, dataHandle)}`);
      for (let d = 0; d < data.count; d++) lines.push(`    ${entryText(data, d)}`);
    }
  }
}

function openBlock(
  parts: TableParts,
  handle: BlockHandle,
  valueBytes: number | undefined,
): BlockReader {
  const { bytes, view } = readBlock(parts.file, handle, valueBytes);
  const block = new BlockReader();
  block.attach(bytes, view, 0);
  return block;
}

function placeText(index: BlockReader, i: number, handle: BlockHandle): string {
  const { offset, length, rawLength } = handle;
  const size = length === rawLength ? `${length} bytes` : `${rawLength} bytes in ${length}`;
  return `at ${offset}, ${size}, up to ${keyText(index.keyAt(i))} @${index.sequence(i)}`;
}

function entryText(data: BlockReader, i: number): string {
  const value = data.bytes.subarray(data.valueStart(i), data.valueEnd(i));
  const kind = entryKindName(data.kind(i));
  const shown = value.length === 0 ? "" : ` ${hex(value)}`;
  return `${keyText(data.keyAt(i))} @${data.sequence(i)} ${kind}${shown}`;
}

function rangeDeleteText({ start, end, sequence }: RangeDelete): string {
  return `${keyText(start)} to ${keyText(end)} @${sequence}`;
}

/** An empty key is a key; the end of the keyspace is none. */
function keyText(key: Bytes | undefined): string {
  if (key === undefined) return "the end";
  return key.length === 0 ? "''" : hex(key);
}
