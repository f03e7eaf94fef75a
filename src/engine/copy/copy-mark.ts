/**
 * How far an unfinished copy is: the row at COPY_MARK_KEY of its target.
 *
 *   offset size what
 *   0      1    version of this format: 01
 *   1      …    JSON in UTF-8, the fields of CopyMark
 *
 * JSON, because it is written once for many megabytes and should be readable with bare eyes. Worked example: a copy that
 * has brought nothing yet is 01 7b 22 72 75 6e 22 3a 31 … for {"run":1,"position":null,"rows":0,….
 *
 * Always true: the rows up to `position` are durable in the target; what they were in the source is in `rows`, `bytes`
 * and `checksum`. What stands behind `position` in the target does not count.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError, StorageError } from "../contract/index.ts";

const MARK_VERSION = 0x01;

export interface CopyMark {
  /** How often a copy into this target was begun or taken up: two copiers at once are told apart by it. */
  readonly run: number;
  /** The key of the last row that was brought, hexadecimal; null where there is none. */
  readonly position: string | null;
  readonly rows: number;
  readonly bytes: number;
  /** Of these rows in the source (RowDigest). */
  readonly checksum: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeMark({ bytes, checksum, position, rows, run }: CopyMark): Bytes {
  const text = encoder.encode(JSON.stringify({ run, position, rows, bytes, checksum }));
  const encoded = new Uint8Array(1 + text.length);
  encoded[0] = MARK_VERSION;
  encoded.set(text, 1);
  return encoded;
}

/** @throws StorageError 'FormatTooNew' for a later version, CorruptionError for anything that is no mark. */
export function decodeMark(encoded: Bytes): CopyMark {
  const version = encoded[0];
  if (version !== undefined && version > MARK_VERSION) {
    throw new StorageError("FormatTooNew", { what: "mark of a copy", version });
  }
  try {
    const mark: unknown = JSON.parse(decoder.decode(encoded.subarray(1)));
    if (version === MARK_VERSION && isMark(mark)) return mark;
  } catch {
    // Falls through to the error that shows the bytes.
  }
  throw new CorruptionError({
    file: "mark of an unfinished copy",
    offset: 0,
    expected: "01 and JSON with run, position, rows, bytes and checksum",
    found: hex(encoded),
  });
}

function isMark(found: unknown): found is CopyMark {
  const { bytes, checksum, position, rows, run } = found as Partial<CopyMark>;
  return (
    isCount(run) &&
    isCount(rows) &&
    isCount(bytes) &&
    typeof checksum === "string" &&
    (position === null ? rows === 0 : /^(?:[0-9a-f]{2})*$/.test(position ?? "?"))
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The first key of the target that does not count yet. */
export function uncopiedFrom({ position }: CopyMark): Bytes {
  if (position === null) return new Uint8Array(0);
  const digits = position.match(/../g) ?? [];
  return Uint8Array.from([...digits.map((pair) => Number.parseInt(pair, 16)), 0]);
}
