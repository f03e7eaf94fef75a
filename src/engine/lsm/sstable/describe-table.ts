/** What a manifest would say about a table, read from the table itself: for the case that there is no manifest. */
import type { Bytes } from "../../../base/index.ts";
import { crc32 } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { readTableParts } from "./table-parts.ts";

const PIECE_BYTES: number = 1024 * 1024;

/** Reads the whole file. Throws CorruptionError if its footer or one of the parts that stay in memory is damaged. */
export function describeTable(
  host: Host,
  path: string,
): { readonly meta: TableMeta; readonly storeId: Bytes } {
  const file = host.files.open(path, "read");
  try {
    const { fileBytes, footer, properties } = readTableParts(file, undefined);
    const piece = new Uint8Array(PIECE_BYTES);
    let fileCrc = 0;
    for (let at = 0; at < fileBytes;) {
      const bytes = file.read(piece, 0, piece.length, at);
      if (bytes === 0) break;
      fileCrc = crc32(piece, 0, bytes, fileCrc);
      at += bytes;
    }
    const { entries, largestKey, largestSequence, rangeDeletes } = properties;
    const { smallestKey, smallestSequence, tombstones } = properties;
    const { dataBlocks, denseBlocks, keyBytes, valueBytes, writtenAtMillis } = properties;
    const meta = {
      fileNumber: footer.fileNumber,
      level: 0,
      fileBytes,
      entries,
      rangeDeletes,
      smallestKey,
      largestKey,
      smallestSequence,
      largestSequence,
      tombstones,
      dataBlocks,
      denseBlocks,
      rawBytes: keyBytes + valueBytes,
      writtenAtMillis,
      fileCrc,
    };
    return { meta, storeId: footer.storeId };
  } finally {
    file.close();
  }
}
