/** Changes tables as someone would who knows how to compute checksums, so that only the doubt behind them is left. */
import type { Bytes } from "../../../../src/base/index.ts";
import { crc32, writeU32 } from "../../../../src/engine/lsm/codec/index.ts";
import type { BlockHandle } from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import {
  FRAME_BYTES,
  blockSeed,
  readDataHandle,
  readHandle,
  sealBlock,
  writeDataHandle,
  writeHandle,
} from "../../../../src/engine/lsm/sstable/block/block-frame.ts";
import { BlockReader } from "../../../../src/engine/lsm/sstable/block/block-reader.ts";
import { FOOTER_BYTES } from "../../../../src/engine/lsm/sstable/footer.ts";
import { FILE_NUMBER } from "./table-kit.ts";

/** Gives the footer its checksum again. */
export function resealFooter(content: Bytes): void {
  const offset = content.length - FOOTER_BYTES;
  const footer = content.subarray(offset);
  const seed = blockSeed(FILE_NUMBER, offset, FOOTER_BYTES);
  writeU32(footer, FOOTER_BYTES - 12, crc32(footer, 0, FOOTER_BYTES - 12, seed));
}

function firstHandle(content: Bytes, block: BlockHandle): number {
  const reader = new BlockReader();
  const payload = content.slice(block.offset, block.offset + block.length);
  reader.attach(payload, new DataView(payload.buffer), 0);
  return reader.valueStart(0);
}

/** The way from the footer to the first data block; inTop and inPartition are the places of the handles. */
export function wayToFirstBlock(content: Bytes): {
  readonly footerAt: number;
  readonly top: BlockHandle;
  readonly inTop: number;
  readonly partition: BlockHandle;
  readonly inPartition: number;
  readonly data: BlockHandle;
} {
  const footerAt = content.length - FOOTER_BYTES;
  const top = readHandle(content, footerAt);
  const inTop = firstHandle(content, top);
  const partition = readHandle(content, top.offset + inTop);
  const inPartition = firstHandle(content, partition);
  const data = readDataHandle(content, partition.offset + inPartition);
  return { footerAt, top, inTop, partition, inPartition, data };
}

/** What the forger says of a data block beside its bytes. */
export interface Claims {
  readonly codec?: number;
  readonly rawLength?: number;
}

/** The file with another first data block (or its partition), as it is stored, under right checksums. */
export function forge(
  original: Bytes,
  target: "data" | "partition",
  change: (stored: Bytes) => void,
  claims: Claims = {},
): Bytes {
  const content = Uint8Array.from(original);
  const { footerAt, top, inTop, partition, inPartition, data } = wayToFirstBlock(content);
  const forged = target === "data" ? data : partition;
  change(content.subarray(forged.offset, forged.offset + forged.length));
  if (target === "data") {
    const codec = claims.codec ?? content[data.offset + data.length]!;
    const handle = reseal(content, data, codec, claims.rawLength ?? data.rawLength);
    writeDataHandle(content, partition.offset + inPartition, handle);
  }
  writeHandle(content, top.offset + inTop, reseal(content, partition));
  writeHandle(content, footerAt, reseal(content, top));
  resealFooter(content);
  return content;
}

/** Gives a block its checksum again, and its new handle. */
function reseal(
  content: Bytes,
  { offset, length }: BlockHandle,
  codec?: number,
  rawLength?: number,
): BlockHandle {
  const sealed = content.slice(offset, offset + length + FRAME_BYTES);
  const handle = sealBlock(sealed, length, FILE_NUMBER, offset, codec, rawLength);
  content.set(sealed, offset);
  return handle;
}
