/**
 * The ways in which a block's payload is stored, by the number in its frame. Numbers never change meaning.
 *
 *   1   as it is
 *   2   LZ4 block (lz4.ts)
 *   3   raw deflate (RFC 1951)
 *   4   one Zstandard frame; only a Node that has it writes and reads it (22.15 and later)
 *
 * docs/decisions/0006-block-compression.md says why these, with measurements.
 */
import * as zlib from "node:zlib";
import { assert } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { lz4Compress, lz4Decompress } from "./lz4.ts";

export const CODEC_PLAIN = 1;
const CODEC_LZ4 = 2;
const CODEC_DEFLATE = 3;
const CODEC_ZSTD = 4;

/**
 * How tables are compressed. "none"; "fast": LZ4, about half the size at little cost; "dense": deflate, smaller by a
 * quarter again, three times slower to write and to read; "zstd": as small as "dense" and quicker to write, but read only
 * by Node 22.15 and later.
 */
export type Compression = "none" | "fast" | "dense" | "zstd";
export const COMPRESSIONS: readonly Compression[] = ["none", "fast", "dense", "zstd"];

/** The first Node with Zstandard, for messages. */
export const ZSTD_NODE = "22.15";

const codecs: Readonly<Record<Compression, number>> = {
  none: CODEC_PLAIN,
  fast: CODEC_LZ4,
  dense: CODEC_DEFLATE,
  zstd: CODEC_ZSTD,
};

/** No block is larger than this before compression: twice the largest value. A claim of more is damage. */
export const RAW_BYTES_MAX: number = 64 * 1_024 * 1_024;
/** Level 3 is a third quicker than 6 and 4 % larger. */
const DEFLATE = { level: 3 };

/** What a newer Node's zlib has; the types are those of the oldest Node. */
interface Zstandard {
  readonly zstdCompressSync?: (bytes: Bytes) => Bytes;
  readonly zstdDecompressSync?: (
    bytes: Bytes,
    options: { readonly maxOutputLength: number },
  ) => Bytes;
}
const { zstdCompressSync, zstdDecompressSync } = zlib as Zstandard;
export const hasZstd: boolean = zstdCompressSync !== undefined && zstdDecompressSync !== undefined;

export function codecOf(compression: Compression): number {
  return codecs[compression];
}

/** The name of a codec's number; undefined: none has it. */
export function compressionOf(codec: number): Compression | undefined {
  return COMPRESSIONS.find((name) => codecs[name] === codec);
}

/** Can this Node write and read it? */
export function isAvailable(compression: Compression): boolean {
  return compression !== "zstd" || hasZstd;
}

/**
 * Compresses source[0, length) to target[0, …), which has room for `limit`, and gives the length there; 0 if it would be
 * more than `limit`. `view` shows the same memory as `source`.
 */
export function compressBlock(
  codec: number,
  source: Bytes,
  view: DataView,
  length: number,
  target: Bytes,
  limit: number,
): number {
  if (codec === CODEC_LZ4) return lz4Compress(source, view, length, target, limit);
  const input = source.subarray(0, length);
  let output: Bytes;
  if (codec === CODEC_DEFLATE) output = zlib.deflateRawSync(input, DEFLATE);
  else {
    assert(codec === CODEC_ZSTD && zstdCompressSync !== undefined, "the codec is available");
    output = zstdCompressSync(input);
  }
  if (output.length > limit) return 0;
  target.set(output);
  return output.length;
}

/** A stored payload and the place for what it stands for. The views show the same memory as the bytes. */
export interface Decompression {
  readonly source: Bytes;
  readonly sourceView: DataView;
  readonly start: number;
  readonly end: number;
  readonly target: Bytes;
  readonly targetView: DataView;
  readonly at: number;
  readonly length: number;
}

/** Fills target[at, at + length) and nothing else; or says in words why these bytes do not stand for a payload of that length. */
export function decompressBlock(codec: number, work: Decompression): string | undefined {
  const { source, start, end, target, at, length } = work;
  if (codec === CODEC_LZ4) {
    const { sourceView, targetView } = work;
    const isRight = lz4Decompress(source, sourceView, start, end, target, targetView, at, length);
    return isRight ? undefined : "an LZ4 block of other bytes";
  }
  const inflate = codec === CODEC_DEFLATE ? zlib.inflateRawSync : zstdDecompressSync;
  assert(inflate !== undefined, "the codec is available");
  let output: Bytes;
  try {
    // More than the length is refused before it is made.
    output = inflate(source.subarray(start, end), { maxOutputLength: Math.max(1, length) });
  } catch (error) {
    return `a broken stream: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (output.length !== length) return `a stream of ${output.length} bytes`;
  target.set(output, at);
  return undefined;
}
