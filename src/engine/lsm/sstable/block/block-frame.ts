/**
 * How each block of a table lies in its file, and how it is read with doubt.
 *
 *   offset  size  what
 *   0       n     payload
 *   n       1     codec: 1 = the payload as it is. 0 is never written, so zeroed disk is no block
 *   n + 1   4     crc u32: CRC-32 of payload and codec, continued from the block's seed
 *
 * The seed is the CRC-32 of 16 bytes: file number u48, offset of the block u48, payload length u32. So a block of another
 * file, from another place or of another length never passes for this one. All numbers are little-endian.
 *
 * Whoever points to a block holds its handle, with the checksum again: an old block in the right place is found out too.
 *
 *   offset  size  what
 *   0       6     offset of the block in the file, u48
 *   6       4     payload length, u32
 *   10      4     crc, u32
 *
 * Worked example: the payload 61 62 63 in file 7 at offset 0 is written 61 62 63 01 27 BD 00 91; its handle is
 * 00 00 00 00 00 00 03 00 00 00 27 BD 00 91.
 */
import { hex } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { CorruptionError } from "../../../contract/index.ts";
import { crc32, readU32, readU48, writeU32, writeU48 } from "../../codec/index.ts";
import type { FileHandle } from "../../host/index.ts";

const CODEC_NONE = 1;
/** What a block takes beside its payload. */
export const FRAME_BYTES = 5;
export const HANDLE_BYTES = 14;

/** Where a block lies and what its checksum is. */
export interface BlockHandle {
  readonly offset: number;
  /** Of the payload. */
  readonly length: number;
  readonly crc: number;
}

const seedBytes = new Uint8Array(16);

export function blockSeed(fileNumber: number, offset: number, length: number): number {
  writeU48(seedBytes, 0, fileNumber);
  writeU48(seedBytes, 6, offset);
  writeU32(seedBytes, 12, length);
  return crc32(seedBytes, 0, seedBytes.length, 0);
}

/** Writes codec and checksum after the payload bytes[0, length), which will lie at `offset`; gives the handle. */
export function sealBlock(
  bytes: Bytes,
  length: number,
  fileNumber: number,
  offset: number,
): BlockHandle {
  bytes[length] = CODEC_NONE;
  const crc = crc32(bytes, 0, length + 1, blockSeed(fileNumber, offset, length));
  writeU32(bytes, length + 1, crc);
  return { offset, length, crc };
}

export function writeHandle(bytes: Bytes, at: number, handle: BlockHandle): void {
  writeU48(bytes, at, handle.offset);
  writeU32(bytes, at + 6, handle.length);
  writeU32(bytes, at + 10, handle.crc);
}

export function readHandle(bytes: Bytes, at: number): BlockHandle {
  return {
    offset: readU48(bytes, at),
    length: readU32(bytes, at + 6),
    crc: readU32(bytes, at + 10),
  };
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

  /** Can a block lie there at all? Asked before room is made for it. */
  checkHandle(offset: number, length: number): void {
    if (offset + length + FRAME_BYTES <= this.blocksEnd) return;
    const expected = `a block that ends at ${this.blocksEnd} or before`;
    throw this.damaged(offset, expected, `a handle of ${length} bytes`);
  }

  /** Reads a block, frame and all, to target[at, at + length + FRAME_BYTES) and checks it. */
  read(target: Bytes, at: number, offset: number, length: number, crc: number): void {
    const end = at + length + FRAME_BYTES;
    this.#check(target, at, offset, length, crc, this.#file.read(target, at, end, offset));
  }

  /** The same beside the thread, in a buffer of its own. */
  async readOwnAsync(handle: BlockHandle): Promise<Bytes> {
    const { crc, length, offset } = handle;
    this.checkHandle(offset, length);
    const bytes = new Uint8Array(length + FRAME_BYTES);
    const found = await this.#file.readAsync(bytes, 0, bytes.length, offset);
    this.#check(bytes, 0, offset, length, crc, found);
    return bytes;
  }

  /** A block's payload in a buffer of its own, frame still behind it. */
  readOwn(handle: BlockHandle): Bytes {
    this.checkHandle(handle.offset, handle.length);
    const bytes = new Uint8Array(handle.length + FRAME_BYTES);
    this.read(bytes, 0, handle.offset, handle.length, handle.crc);
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

  /** Is what was read to target[at, at + found) the block? */
  #check(
    target: Bytes,
    at: number,
    offset: number,
    length: number,
    crc: number,
    found: number,
  ): void {
    const end = at + length + FRAME_BYTES;
    if (found !== end - at) {
      throw this.damaged(offset, `${end - at} bytes`, `${found} bytes before the end of the file`);
    }
    const stored = readU32(target, end - 4);
    const seed = blockSeed(this.fileNumber, offset, length);
    const computed = crc32(target, at, end - 4, seed);
    if (computed !== crc || stored !== crc) {
      const wrong = computed === crc ? stored : computed;
      throw this.damaged(offset, `checksum ${hexU32(crc)}`, `checksum ${hexU32(wrong)}`);
    }
    const codec = target[at + length]!;
    if (codec !== CODEC_NONE) throw this.damaged(offset, "codec 1", `codec ${codec}`);
  }
}

export function hexU32(value: number): string {
  return hex(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
}
