/**
 * Which number cells a document counts in: pure, and the only place that says so.
 *
 *   key    index prefix, then each `by` field as an ordered part, then one byte: the cell
 *   value  signed 64-bit integer, big-endian: what all documents of the group add up to (engine/contract, addInt)
 *
 *   cell     what it counts
 *   00       documents
 *   01       of a sum: documents where the summed field is null or missing
 *   02 … 51  of a sum: parts of the numbers (number-parts.ts)
 *
 * Always true:
 * (1) The cells of one group stand together, the count first, and the byte of the cell is the key's last.
 * (2) A change adds what the new document counts for and takes away what the old one did; cells that stay are not named.
 *     So a cell holds exactly what the documents add up to, whatever was written in which order.
 * (3) A cell that is not there holds 0; one that came back to 0 stays, and says the same.
 *
 * Worked example, index 1 of collection 1, the sum of `amount` by `account`: documents of "a" with the amounts 5 and -2.5
 * have the cells 01 02 01 50 61 00 00 = 2, 01 02 01 50 61 00 31 = -80000000, 01 02 01 50 61 00 32 = 3 (hexadecimal).
 */
import { equalBytes, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import { ValidationError } from "../collection-error.ts";
import type { Document } from "../document/document.ts";
import { matches } from "../filter/filter-match.ts";
import { KeyReader } from "../key/key-reader.ts";
import { KeyWriter } from "../key/key-writer.ts";
import { isOrdered } from "../key/value-order.ts";
import { valueAt } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";
import { hasParts, isPart, partsOf } from "./number-parts.ts";
import type { NumberPart } from "./number-parts.ts";
import type { BoundTally, SummedField } from "./tally-definition.ts";

/** The cell that counts documents. */
export const CELL_COUNT = 0x00;
/** The cell that counts documents without the summed field. */
export const CELL_ABSENT = 0x01;

const CELL_VALUE_BYTES = 8;
const ONE_DOCUMENT: readonly NumberPart[] = Object.freeze([{ part: CELL_COUNT, amount: 1 }]);
const ONE_WITHOUT: readonly NumberPart[] = Object.freeze([
  { part: CELL_COUNT, amount: 1 },
  { part: CELL_ABSENT, amount: 1 },
]);

/** What is added to one cell. */
export interface CellChange {
  readonly key: Bytes;
  /** Not 0; a safe integer. */
  readonly amount: number;
}

/** What one document counts for. */
interface Share {
  /** The group's cells begin with it. */
  readonly group: Bytes;
  readonly parts: readonly NumberPart[];
}

const NO_CHANGES: readonly CellChange[] = Object.freeze([]);

/** The cells of one tally for documents of one collection. */
export class CellMaker {
  readonly tally: BoundTally;
  readonly #collection: string;
  readonly #writer: KeyWriter;

  constructor(collection: string, tally: BoundTally) {
    this.#collection = collection;
    this.tally = tally;
    this.#writer = new KeyWriter(tally.prefix);
  }

  /**
   * What changes where a document becomes another one; undefined: there was none, or none is left.
   * HOT: for each tally and written document (bench/micro/collections.ts).
   *
   * @throws ValidationError for what has no place in a key or is no number of the declared type.
   */
  changesOf(before: Document | undefined, after: Document | undefined): readonly CellChange[] {
    if (before !== undefined && after !== undefined && !this.#mayDiffer(before, after)) {
      return NO_CHANGES;
    }
    const old = before === undefined ? undefined : this.#shareOf(before);
    const now = after === undefined ? undefined : this.#shareOf(after);
    const changes: CellChange[] = [];
    if (old !== undefined && now !== undefined && equalBytes(old.group, now.group)) {
      addChanges(changes, now.group, difference(old.parts, now.parts));
      return changes;
    }
    if (old !== undefined) addChanges(changes, old.group, difference(old.parts, []));
    if (now !== undefined) addChanges(changes, now.group, now.parts);
    return changes;
  }

  /** As of indexes: false is certain (index-entries.ts). */
  #mayDiffer(before: Document, after: Document): boolean {
    for (const name of this.tally.readFields) {
      const value = before[name];
      if (value !== after[name] || (typeof value === "object" && value !== null)) return true;
    }
    return false;
  }

  #shareOf(document: Document): Share | undefined {
    const { where, by, sum } = this.tally;
    if (where !== undefined && !matches(where, document)) return undefined;
    // All is checked before the first part is written: the writer must never keep half a key.
    const values = by.map((path) => this.#scalar(document, path));
    const parts = sum === undefined ? ONE_DOCUMENT : this.#partsOfSum(document, sum);
    for (const value of values) this.#writer.value(value);
    return { group: this.#writer.finish(), parts };
  }

  #partsOfSum(document: Document, { path, type }: SummedField): readonly NumberPart[] {
    const value = valueAt(document, path);
    if (value === undefined || value === null) return ONE_WITHOUT;
    if (typeof value !== type) this.#refuse(path, `sums values of the type ${type}`);
    const number = value as number | bigint;
    if (!hasParts(number)) this.#refuse(path, "sums bigints below 2^1024");
    return [...ONE_DOCUMENT, ...partsOf(number)];
  }

  #scalar(document: Document, path: FieldPath): Scalar {
    const value = valueAt(document, path);
    if (isOrdered(value)) return value;
    return this.#refuse(
      path,
      "groups by strings, numbers, bigints, booleans, dates, bytes and null",
    );
  }

  #refuse(path: FieldPath, what: string): never {
    throw new ValidationError(this.#collection, [
      { path: path.before, message: `the index "${this.tally.name}" ${what}` },
    ]);
  }
}

/** What is to be added so that the parts `before` become the parts `after`; the order is of no account. */
function difference(
  before: readonly NumberPart[],
  after: readonly NumberPart[],
): readonly NumberPart[] {
  const amounts = new Map<number, number>();
  for (const { part, amount } of after) amounts.set(part, amount);
  for (const { part, amount } of before) amounts.set(part, (amounts.get(part) ?? 0) - amount);
  const parts: NumberPart[] = [];
  for (const [part, amount] of amounts) if (amount !== 0) parts.push({ part, amount });
  return parts;
}

function addChanges(changes: CellChange[], group: Bytes, parts: readonly NumberPart[]): void {
  for (const { part, amount } of parts) changes.push({ key: cellKey(group, part), amount });
}

/** The key of a cell of the group whose cells begin with `group`. */
export function cellKey(group: Bytes, cell: number): Bytes {
  const key = new Uint8Array(group.length + 1);
  key.set(group);
  key[group.length] = cell;
  return key;
}

/** An amount as the operand of a merge. */
export function encodeAmount(amount: number | bigint): Bytes {
  const bytes = new Uint8Array(CELL_VALUE_BYTES);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(amount));
  return bytes;
}

/** What the cell at bytes[start, end) holds. @throws CorruptionError where that is no cell. */
export function decodeAmount(bytes: Bytes, start = 0, end: number = bytes.length): bigint {
  if (end - start !== CELL_VALUE_BYTES) {
    throw damagedCell("a signed integer of 8 bytes", bytes.subarray(start, end));
  }
  return new DataView(bytes.buffer, bytes.byteOffset + start, CELL_VALUE_BYTES).getBigInt64(0);
}

/** Which cell of which group a key names. */
export interface CellPlace {
  /** The values of the `by` fields; null for what is null or missing. */
  readonly values: readonly Scalar[];
  /** The last byte of the key. */
  readonly cell: number;
}

/** The place of the key at bytes[start, end). @throws CorruptionError where the tally can have no such cell. */
export function placeOfCell(
  { by, prefix, sum }: BoundTally,
  bytes: Bytes,
  start: number,
  end: number,
): CellPlace {
  const reader = new KeyReader(bytes, start + prefix.length, end);
  const values = by.map(() => reader.value());
  const cell = reader.at === end - 1 ? bytes[reader.at]! : -1;
  const isKnown =
    cell === CELL_COUNT || (sum !== undefined && (cell === CELL_ABSENT || isPart(cell, sum.type)));
  if (!isKnown) throw damagedCell("the key of a cell", bytes.subarray(start, end));
  return { values, cell };
}

function damagedCell(expected: string, found: Bytes): CorruptionError {
  return new CorruptionError({
    file: "cell of an index that counts or sums",
    offset: 0,
    expected,
    found: hex(found),
  });
}
