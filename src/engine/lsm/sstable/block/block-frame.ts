/**
 * How each block of a table lies in its file, and how it is read with doubt.
 *
 *   offset  size  what
 *   0       n     payload, as it is or compressed
 *   n       1     codec: how it is stored (compression/block-codec.ts). 0 is never written, so zeroed disk is no block
 *   n + 1   4     crc u32: CRC-32 of the n bytes and the codec, continued from the block's seed
 *
 * The seed is the CRC-32 of 16 bytes: file number u48, offset of the block u48, n as u32. So a block of another
 * file, from another place or of another length never passes for this one. All numbers are little-endian.
 *
 * Whoever points to a block holds its handle, with the checksum again: an old block in the right place is found out too.
 *
 *   offset  size  what
 *   0       6     offset of the block in the file, u48
 *   6       4     n, u32
 *   10      4     crc, u32
 *
 * Only data blocks are ever compressed. The handle of a data block goes on:
 *
 *   14      4     length of the payload, u32: n if it is stored as it is (codec 1), else more than n
 *
 * Worked example: the payload 61 62 63 in file 7 at offset 0 is written 61 62 63 01 27 BD 00 91; its handle is
 * 00 00 00 00 00 00 03 00 00 00 27 BD 00 91.
 */
import { hex } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { CorruptionError, StorageError } from "../../../contract/index.ts";
import { crc32, readU32, readU48, writeU32, writeU48 } from "../../codec/index.ts";
import type { FileHandle } from "../../host/index.ts";
import {
  CODEC_PLAIN,
  RAW_BYTES_MAX,
  ZSTD_NODE,
  compressionOf,
  decompressBlock,
  isAvailable,
} from "../compression/block-codec.ts";
import type { Compression } from "../compression/block-codec.ts";

/** What a block takes beside its payload. */
export const FRAME_BYTES = 5;
export const HANDLE_BYTES = 14;
export const DATA_HANDLE_BYTES = 18;
/**
 * No codec makes more of a byte: Zstandard says 128 KiB of one value in four bytes; deflate gives 1,032 for one, LZ4 255.
 * So a handle cannot make us take much room for a block of few bytes.
 */
const EXPANSION_MAX = 32_768;
/** Larger buffers for stored bytes are not kept. */
const SCRATCH_BYTES_MAX = 64 * 1_024;

/** Where a block lies and what its checksum is. */
export interface BlockHandle {
  readonly offset: number;
  /** Of the payload as it is stored. */
  readonly length: number;
  readonly crc: number;
  /** Of the payload before compression; `length` if it is stored as it is. */
  readonly rawLength: number;
}

const seedBytes = new Uint8Array(16);

export function blockSeed(fileNumber: number, offset: number, length: number): number {
  writeU48(seedBytes, 0, fileNumber);
  writeU48(seedBytes, 6, offset);
  writeU32(seedBytes, 12, length);
  return crc32(seedBytes, 0, seedBytes.length, 0);
}

/**
 * Writes codec and checksum after the payload bytes[0, length), which will lie at `offset`; gives the handle. A codec but
 * the plain one says that these bytes stand for `rawLength` others.
 */
export function sealBlock(
  bytes: Bytes,
  length: number,
  fileNumber: number,
  offset: number,
  codec: number = CODEC_PLAIN,
  rawLength: number = length,
): BlockHandle {
  bytes[length] = codec;
  const crc = crc32(bytes, 0, length + 1, blockSeed(fileNumber, offset, length));
  writeU32(bytes, length + 1, crc);
  return { offset, length, crc, rawLength };
}

export function writeHandle(bytes: Bytes, at: number, handle: BlockHandle): void {
  writeU48(bytes, at, handle.offset);
  writeU32(bytes, at + 6, handle.length);
  writeU32(bytes, at + 10, handle.crc);
}

export function writeDataHandle(bytes: Bytes, at: number, handle: BlockHandle): void {
  writeHandle(bytes, at, handle);
  writeU32(bytes, at + HANDLE_BYTES, handle.rawLength);
}

export function readHandle(bytes: Bytes, at: number): BlockHandle {
  const length = readU32(bytes, at + 6);
  return { offset: readU48(bytes, at), length, crc: readU32(bytes, at + 10), rawLength: length };
}

export function readDataHandle(bytes: Bytes, at: number): BlockHandle {
  return { ...readHandle(bytes, at), rawLength: readU32(bytes, at + HANDLE_BYTES) };
}

interface Scratch {
  readonly bytes: Bytes;
  readonly view: DataView;
}
function newScratch(size: number): Scratch {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}
/** Where stored bytes wait to be decompressed, within one turn. One for all files: reading is synchronous. */
let scratch = newScratch(9 * 1_024);

/** Refuses what another Node wrote and this one cannot read, in words that say which one can. */
export function requireCodec(compression: Compression, file: string): void {
  if (isAvailable(compression)) return;
  throw new StorageError("CodecMissing", { file, compression, needs: `Node ${ZSTD_NODE}` });
}

/** A table's file as a place of blocks: all that comes out of it was checked. */
export class BlockFile {
  readonly #file: FileHandle;
  readonly path: string;
  readonly fileNumber: number;
  /** Blocks end here: the footer follows. */
  readonly blocksEnd: number;

  constructor(file: FileHandle, fileNumber: number, blocksEnd: number) {
    this.#file = file;
    this.path = file.path;
    this.fileNumber = fileNumber;
    this.blocksEnd = blocksEnd;
  }

  /** Can such a block lie there at all? Asked before room is made for it. */
  checkHandle(offset: number, length: number, rawLength: number): void {
    if (offset + length + FRAME_BYTES > this.blocksEnd) {
      const expected = `a block that ends at ${this.blocksEnd} or before`;
      throw this.damaged(offset, expected, `a handle of ${length} bytes`);
    }
    const rawMax = Math.min(RAW_BYTES_MAX, length * EXPANSION_MAX);
    if (rawLength === length || (rawLength > length && rawLength <= rawMax)) return;
    const expected = `a payload of ${length} to ${rawMax} bytes`;
    throw this.damaged(offset, expected, `a handle of ${rawLength} bytes`);
  }

  /**
   * Reads a block that checkHandle() let pass, checks it and leaves its payload at target[at, at + rawLength). The
   * FRAME_BYTES after it may be written too. `view` shows the same memory as `target`.
   */
  read(
    target: Bytes,
    view: DataView,
    at: number,
    offset: number,
    length: number,
    rawLength: number,
    crc: number,
  ): void {
    const handle = { offset, length, rawLength, crc };
    if (length === rawLength) {
      const found = this.#file.read(target, at, at + length + FRAME_BYTES, offset);
      this.#checkPlain(target, at, handle, found);
      return;
    }
    const stored = this.#reserveScratch(length + FRAME_BYTES);
    const found = this.#file.read(stored.bytes, 0, length + FRAME_BYTES, offset);
    this.#unpack(stored, handle, found, target, view, at);
  }

  /** The same beside the thread, in a buffer of its own. */
  async readOwnAsync(handle: BlockHandle): Promise<Bytes> {
    const { length, offset, rawLength } = handle;
    this.checkHandle(offset, length, rawLength);
    const stored = newScratch(length + FRAME_BYTES);
    const found = await this.#file.readAsync(stored.bytes, 0, length + FRAME_BYTES, offset);
    if (length === rawLength) {
      this.#checkPlain(stored.bytes, 0, handle, found);
      return stored.bytes;
    }
    const own = newScratch(rawLength + FRAME_BYTES);
    this.#unpack(stored, handle, found, own.bytes, own.view, 0);
    return own.bytes;
  }

  #checkPlain(bytes: Bytes, at: number, handle: BlockHandle, found: number): void {
    const codec = this.#check(bytes, at, handle, found);
    if (codec !== CODEC_PLAIN) throw this.damaged(handle.offset, "codec 1", `codec ${codec}`);
  }

  /** Checks what is stored and leaves what it was before compression at target[at, at + rawLength). */
  #unpack(
    stored: Scratch,
    handle: BlockHandle,
    found: number,
    target: Bytes,
    targetView: DataView,
    at: number,
  ): void {
    const { length, offset, rawLength } = handle;
    const codec = this.#check(stored.bytes, 0, handle, found);
    const compression = compressionOf(codec);
    if (compression === undefined || compression === "none") {
      throw this.damaged(offset, "the codec of a compressed block", `codec ${codec}`);
    }
    requireCodec(compression, this.path);
    const problem = decompressBlock(codec, {
      source: stored.bytes,
      sourceView: stored.view,
      start: 0,
      end: length,
      target,
      targetView,
      at,
      length: rawLength,
    });
    if (problem !== undefined) {
      throw this.damaged(offset, `${rawLength} bytes, compressed ${compression}`, problem);
    }
  }

  /** Is what was read to bytes[at, at + found) the block, frame and all? Gives its codec. */
  #check(bytes: Bytes, at: number, handle: BlockHandle, found: number): number {
    const { crc, length, offset } = handle;
    const end = at + length + FRAME_BYTES;
    if (found !== end - at) {
      throw this.damaged(offset, `${end - at} bytes`, `${found} bytes before the end of the file`);
    }
    const stored = readU32(bytes, end - 4);
    const seed = blockSeed(this.fileNumber, offset, length);
    const computed = crc32(bytes, at, end - 4, seed);
    if (computed !== crc || stored !== crc) {
      const wrong = computed === crc ? stored : computed;
      throw this.damaged(offset, `checksum ${hexU32(crc)}`, `checksum ${hexU32(wrong)}`);
    }
    return bytes[at + length]!;
  }

  #reserveScratch(bytes: number): Scratch {
    if (bytes <= scratch.bytes.length) return scratch;
    const grown = newScratch(bytes);
    if (bytes <= SCRATCH_BYTES_MAX) scratch = grown;
    return grown;
  }

  /** A block's payload in a buffer of its own, room for a frame behind it. */
  readOwn(handle: BlockHandle): Bytes {
    const { offset, length, rawLength, crc } = handle;
    this.checkHandle(offset, length, rawLength);
    const bytes = new Uint8Array(rawLength + FRAME_BYTES);
    this.read(bytes, new DataView(bytes.buffer), 0, offset, length, rawLength, crc);
    return bytes;
  }

  /** Raw bytes of the file, for its whole checksum. */
  readRaw(target: Bytes, offset: number): number {
    return this.#file.read(target, 0, target.length, offset);
  }

  damaged(offset: number, expected: string, found: string): CorruptionError {
    return new CorruptionError({ file: this.path, offset, expected, found });
  }

  close(): void {
    this.#file.close();
  }
}

export function hexU32(value: number): string {
  return hex(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
}
