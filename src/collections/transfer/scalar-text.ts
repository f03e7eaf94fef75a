/** Dates, bigints and bytes as text and back. Reading gives undefined for what is not written so. */
import type { Bytes } from "../../base/index.ts";

const DATE =
  /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;
const BIGINT = /^-?\d+$/;
/** A text of more digits takes JavaScript longer than any number is worth, and none so long can be stored. */
const BIGINT_DIGITS_MAX = 100_000;

/**
 * A date as toISOString() writes it; also a day alone, which begins in UTC, and times with another zone. A time without a
 * zone is refused: it would mean another moment on another machine.
 */
export function dateOfText(text: string): Date | undefined {
  if (!DATE.test(text)) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return undefined;
  // The 30th of February is the 2nd of March to JavaScript; here it is a mistake.
  const day = text.slice(0, text.indexOf("-", 1) + 6);
  const midnight = new Date(`${day}T00:00:00.000Z`);
  return midnight.toISOString().startsWith(day) ? date : undefined;
}

export function bigintOfText(text: string): bigint | undefined {
  return text.length <= BIGINT_DIGITS_MAX && BIGINT.test(text) ? BigInt(text) : undefined;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const CODE_OF = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const VALUE_OF = new Uint8Array(128).fill(255);
for (const [value, code] of CODE_OF.entries()) VALUE_OF[code] = value;
const PADDING = 0x3d;
const ascii = new TextDecoder();

/** Base64 with its padding. */
export function base64OfBytes(bytes: Bytes): string {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  let target = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const bits = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    codes[target++] = CODE_OF[bits >> 18]!;
    codes[target++] = CODE_OF[(bits >> 12) & 63]!;
    if (left > 1) codes[target++] = CODE_OF[(bits >> 6) & 63]!;
    if (left > 2) codes[target++] = CODE_OF[bits & 63]!;
  }
  return ascii.decode(codes);
}

/** Reads base64 with or without its padding; bits that no byte holds must be zero. */
export function bytesOfBase64(text: string): Bytes | undefined {
  let length = text.length;
  if (length % 4 === 0 && text.endsWith("=")) length -= text.endsWith("==") ? 2 : 1;
  if (length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let count = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? VALUE_OF[code]! : 255;
    if (value === 255) return undefined;
    bits = ((bits << 6) | value) & 0xfff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[at++] = bits >> count;
    bits &= (1 << count) - 1;
  }
  return bits === 0 ? bytes : undefined;
}
