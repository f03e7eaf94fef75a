/**
 * References in the values of index entries: the length of a key as a varint (7 bits a byte, lowest first), then the
 * key; what follows (covered fields) belongs to the layer above.
 *
 * Example: 03 61 62 63 FF refers to the key 61 62 63; FF is a covered field.
 */
import { CorruptionError } from "../../engine/contract/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Page } from "../../engine/contract/index.ts";

/** More than any key needs; a longer one is damage. */
const LENGTH_BYTES_MAX = 5;

/** The key that the value of the row refers to, in bytes of its own. */
export function referenceOf(page: Page, row: number): Bytes {
  const start = page.valueStart[row]!;
  const end = page.valueEnd[row]!;
  let length = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    if (at === end || at - start === LENGTH_BYTES_MAX) throw damaged(page, row, "a whole length");
    const byte = page.buffer[at++]!;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > end - at) throw damaged(page, row, `a key of ${length} bytes`);
  const key = new Uint8Array(length);
  for (let i = 0; i < length; i++) key[i] = page.buffer[at + i]!;
  return key;
}

function damaged(page: Page, row: number, expected: string): CorruptionError {
  const bytes = page.valueEnd[row]! - page.valueStart[row]!;
  return new CorruptionError({
    file: "value of an index entry",
    offset: 0,
    expected,
    found: `${bytes} bytes`,
  });
}
