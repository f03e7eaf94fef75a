/**
 * Sums that are exact: a number taken apart into parts that are added as integers, and put together again once.
 *
 * A float64 is an integer times a power of two, so it is a sum of limbs: limb i stands for 2^(32 i) and holds an integer
 * below 2^32, with the sign of the number. Limbs of many numbers are added one by one; the order does not matter, what is
 * taken away leaves nothing behind, and only the whole is rounded. Adding float64 values themselves has none of that:
 * 1e300, then 1, then away with 1e300, is 0.
 *
 *   part     what it counts
 *   02       numbers that are Infinity
 *   03       numbers that are -Infinity
 *   10 … 51  limb part - 32 (hexadecimal): 2^-1088 at 10, 2^0 at 32, 2^992 at 51
 *
 * Always true:
 * (1) The parts of equal numbers are equal, and those of -x are those of x with their signs turned; 0 has none.
 * (2) A whole number below 2^32 has one part at most, any other number three, a bigint one for each 32 bits: few cells change.
 * (3) A part is exact in 64 bits for 2^31 numbers: more documents than one group is made for.
 *
 * Example: 5 is 5 at 32; -2.5 is -2 at 32 and -80000000 at 31 (hexadecimal).
 */
import { assert } from "../../base/index.ts";

/** One part of a number. */
export interface NumberPart {
  readonly part: number;
  readonly amount: number;
}

const PART_INFINITY = 0x02;
const PART_MINUS_INFINITY = 0x03;
const PART_LOWEST = 0x10;
const PART_ONE = 0x32;
const PART_HIGHEST = 0x51;

const LIMB_BITS = 32;
const LIMB_MASK = 0xffff_ffffn;
const LIMB_END = 2 ** 32;
/** Whole numbers from here on have no parts: float64 ends here too. */
const MAGNITUDE_END = 1n << 1024n;

const FRACTION_BITS = 52;
const EXPONENT_LOWEST = -1074;

/** A number seen as its bytes. Nothing waits while it is used. */
const scratch = new DataView(new ArrayBuffer(8));
const NO_PARTS: readonly NumberPart[] = Object.freeze([]);

/** Is the value small enough to have parts? All numbers are, and bigints below 2^1024. */
export function hasParts(value: number | bigint): boolean {
  return typeof value === "number" || (value < MAGNITUDE_END && value > -MAGNITUDE_END);
}

/** The parts of a number, none of them 0. HOT: once for each sum and written document (bench/micro/collections.ts). */
export function partsOf(value: number | bigint): readonly NumberPart[] {
  if (typeof value === "bigint") {
    assert(hasParts(value), "a bigint that is summed is below 2^1024");
    return value < 0n ? limbsOf(-value, 0, -1) : limbsOf(value, 0, 1);
  }
  if (value === 0) return NO_PARTS;
  if (value > -LIMB_END && value < LIMB_END && Number.isInteger(value)) {
    return [{ part: PART_ONE, amount: value }];
  }
  if (value === Infinity) return [{ part: PART_INFINITY, amount: 1 }];
  if (value === -Infinity) return [{ part: PART_MINUS_INFINITY, amount: 1 }];
  return partsOfFloat(value);
}

function partsOfFloat(value: number): readonly NumberPart[] {
  assert(value === value, "NaN is refused at the border");
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  const exponentBits = (high >>> 20) & 0x7ff;
  const hidden = exponentBits === 0 ? 0 : 0x10_0000;
  const digits = (BigInt(hidden | (high & 0xf_ffff)) << 32n) | BigInt(scratch.getUint32(4));
  // The value is digits times 2^exponent.
  const exponent = Math.max(exponentBits, 1) - 1 + EXPONENT_LOWEST;
  const first = Math.floor(exponent / LIMB_BITS);
  const shift = BigInt(exponent - first * LIMB_BITS);
  return limbsOf(digits << shift, first, value < 0 ? -1 : 1);
}

/** `magnitude` times 2^(32 first) as limbs. */
function limbsOf(magnitude: bigint, first: number, sign: 1 | -1): readonly NumberPart[] {
  const parts: NumberPart[] = [];
  let rest = magnitude;
  for (let part = PART_ONE + first; rest > 0n; part++, rest >>= 32n) {
    const amount = Number(rest & LIMB_MASK);
    if (amount !== 0) parts.push({ part, amount: sign * amount });
  }
  return parts;
}

/** May the part occur in sums of this type? */
export function isPart(part: number, type: "number" | "bigint"): boolean {
  if (type === "bigint") return part >= PART_ONE && part <= PART_HIGHEST;
  if (part === PART_INFINITY || part === PART_MINUS_INFINITY) return true;
  return part >= PART_LOWEST && part <= PART_HIGHEST;
}

/** Numbers and parts of numbers, added up without an error. */
export class PartSum {
  readonly #type: "number" | "bigint";
  readonly #parts = new Map<number, bigint>();
  /** Whole numbers, as long as they stay safe: most sums have no others. */
  #whole = 0;

  constructor(type: "number" | "bigint") {
    this.#type = type;
  }

  /** No NaN, and no bigint without parts (hasParts). */
  add(value: number | bigint): void {
    if (typeof value === "number" && Number.isInteger(value)) {
      const whole = this.#whole + value;
      if (Number.isSafeInteger(whole) && Number.isSafeInteger(value)) {
        this.#whole = whole;
        return;
      }
    }
    for (const { part, amount } of partsOf(value)) this.addPart(part, BigInt(amount));
  }

  /** Adds what a cell of the part holds. */
  addPart(part: number, amount: bigint): void {
    assert(isPart(part, this.#type), "a part of a sum is one of this type");
    this.#parts.set(part, (this.#parts.get(part) ?? 0n) + amount);
  }

  /** Adds all that another sum of the same type holds. */
  addSum(other: PartSum): void {
    this.add(other.#whole);
    for (const [part, amount] of other.#parts) this.addPart(part, amount);
  }

  /**
   * The sum: of numbers the float64 nearest to it (ties to even, Infinity beyond the largest; NaN where both infinities
   * were added), of bigints itself. 0 where nothing was added.
   */
  get value(): number | bigint {
    const parts = new Map(this.#parts);
    for (const { part, amount } of partsOf(this.#whole)) {
      parts.set(part, (parts.get(part) ?? 0n) + BigInt(amount));
    }
    const infinity = (parts.get(PART_INFINITY) ?? 0n) > 0n;
    const minusInfinity = (parts.get(PART_MINUS_INFINITY) ?? 0n) > 0n;
    if (infinity || minusInfinity) {
      return infinity && minusInfinity ? Number.NaN : infinity ? Infinity : -Infinity;
    }
    const limbs = [...parts].filter(([part, amount]) => part >= PART_LOWEST && amount !== 0n);
    const lowest = limbs.reduce((least, [part]) => Math.min(least, part), PART_ONE);
    let total = 0n;
    for (const [part, amount] of limbs) total += amount << BigInt(LIMB_BITS * (part - lowest));
    if (this.#type === "bigint") return total;
    return rounded(total, LIMB_BITS * (lowest - PART_ONE));
  }
}

/** The float64 nearest to `digits` times 2^exponent, `exponent` being 0 or less. */
function rounded(digits: bigint, exponent: number): number {
  // The language rounds a bigint as it should.
  if (exponent === 0) return Number(digits);
  const magnitude = digits < 0n ? -digits : digits;
  if (magnitude === 0n) return 0;
  const length = magnitude.toString(2).length;
  // What the last bit of the result stands for: it has 53 bits, or fewer where it is tiny.
  const last = Math.max(length - 1 + exponent - FRACTION_BITS, EXPONENT_LOWEST);
  const dropped = last - exponent;
  if (dropped <= 0) return Number(digits) * 2 ** exponent;
  const shift = BigInt(dropped);
  let kept = magnitude >> shift;
  const rest = magnitude - (kept << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  return (digits < 0n ? -1 : 1) * Number(kept) * 2 ** last;
}
