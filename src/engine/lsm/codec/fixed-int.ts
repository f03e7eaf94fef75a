/**
 * Whole numbers of fixed width, little-endian. Reading past the end of the buffer is a defect of the caller: bounds are
 * checked by whoever doubts the bytes, before these run.
 * HOT: bench/micro/lsm-engine. Plain arithmetic on bytes: a DataView would have to be made for each buffer.
 */
import type { Bytes } from "../../../base/index.ts";

export const U16_MAX: number = 0xffff;
/** Counters, offsets and file numbers are 48 bits on disk: they never end, and stay exact in a double. */
export const U48_MAX: number = 2 ** 48 - 1;

export function readU16(bytes: Bytes, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function writeU16(bytes: Bytes, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function readU32(bytes: Bytes, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

export function writeU32(bytes: Bytes, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function readU48(bytes: Bytes, at: number): number {
  return readU32(bytes, at) + readU16(bytes, at + 4) * 0x1_0000_0000;
}

export function writeU48(bytes: Bytes, at: number, value: number): void {
  writeU32(bytes, at, value >>> 0);
  writeU16(bytes, at + 4, Math.floor(value / 0x1_0000_0000));
}

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
const littleEndianHost = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function readF64(bytes: Bytes, at: number): number {
  for (let i = 0; i < 8; i++) floatBytes[littleEndianHost ? i : 7 - i] = bytes[at + i]!;
  return float[0]!;
}

export function writeF64(bytes: Bytes, at: number, value: number): void {
  float[0] = value;
  for (let i = 0; i < 8; i++) bytes[at + i] = floatBytes[littleEndianHost ? i : 7 - i]!;
}
