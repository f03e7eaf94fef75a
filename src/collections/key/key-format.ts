/**
 * The encoding of values in keys: byte order is the order of values (value-order.ts).
 *
 *   tag  value      body                                                         size with tag
 *   10   nullish    none                                                         1
 *   20   false      none                                                         1
 *   21   true       none                                                         1
 *   30   number     float64, big-endian; sign bit flipped, negative: all flipped 9
 *   38   bigint     head, then magnitude, big-endian without leading zeros       2 + magnitude
 *                   head of zero: 80; of 1..119 bytes n: 80 + n; longer: F8 + size of n, then n, big-endian
 *                   negative: head, n and magnitude complemented
 *   40   date       milliseconds since 1970 as a number                          9
 *   50   string     UTF-8, escaped, then 00                                      2 + bytes + escapes
 *   60   bytes      the bytes, escaped, then 00                                  2 + bytes + escapes
 *
 * Escaped: 00 is written as 01 01, and 01 as 01 02, so that 00 only ever ends a body.
 * A descending part is its ascending part with every byte complemented.
 *
 * Always true:
 * (1) No part is a prefix of another, so the order of parts never depends on what stands behind them, in both directions.
 * (2) A part begins with a byte from 0F to F0: 00 and FF are left to others, and every range of parts has an end.
 * (3) One value has one encoding: -0 is written as 0, and decoding gives 0.
 *
 * Example: ("Oslo", -1.5) is 50 4F 73 6C 6F 00 30 40 07 FF FF FF FF FF FF; with the number descending, its part is
 * CF BF F8 00 00 00 00 00 00.
 */

export const TAG_NULLISH = 0x10;
export const TAG_FALSE = 0x20;
export const TAG_TRUE = 0x21;
export const TAG_NUMBER = 0x30;
export const TAG_BIGINT = 0x38;
export const TAG_DATE = 0x40;
export const TAG_STRING = 0x50;
export const TAG_BYTES = 0x60;

/** Ends the body of a string or of bytes. */
export const TERMINATOR = 0x00;
/** Stands before ESCAPED_TERMINATOR or ESCAPED_ESCAPE. */
export const ESCAPE = 0x01;
export const ESCAPED_TERMINATOR = 0x01;
export const ESCAPED_ESCAPE = 0x02;

/** The head of the bigint zero; a magnitude of n bytes has n more. */
export const BIGINT_ZERO_HEAD = 0x80;
/** A head beyond this one gives the size of the length instead of the length. */
export const BIGINT_SHORT_HEAD_MAX = 0xf7;
export const BIGINT_SHORT_BYTES_MAX: number = BIGINT_SHORT_HEAD_MAX - BIGINT_ZERO_HEAD;
/** Lengths of bigints are numbers of at most 4 bytes: far more than a key may hold. */
export const BIGINT_LENGTH_BYTES_MAX = 4;
