/**
 * The objects of a history in the engine's keyspace, and what each step does to them.
 *
 *   <namespace>list/<n>     items, separated by commas
 *   <namespace>register/<n> the number of the transaction that wrote it
 *   <namespace>grow/<m>     a flag: absent, flipped by inserting the row
 *   <namespace>drain/<m>    a flag: there from the beginning, flipped by deleting the row
 *   <namespace>cell/<m>     CELL_BITS flags: bit b of the number is flipped by merging 2^b into it
 *
 * A flag is flipped by one attempt only, so the generator hands out each at most once. Names of `grow` are scattered, so
 * that new rows come into the middle of ranges.
 */
import { assert } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { KeyRange, StorageEngine } from "../../engine/contract/index.ts";
import type { SeededRandom, TrackedTransaction } from "../kit/index.ts";
import type { Effect, Observation } from "./history.ts";

/** Below 63, so that sums stay positive; each bit is added once, so that no bit carries. */
const CELL_BITS = 60;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const NAME_DIGITS = 6;

/** Digits in reverse: consecutive numbers land far apart. */
function scattered(number: number): string {
  return padded(number).split("").toReversed().join("");
}

function padded(number: number): string {
  return String(number).padStart(NAME_DIGITS, "0");
}

export class HistoryObjects {
  readonly #namespace: string;
  readonly #drainFlags: number;
  #grown = 0;
  #drained = 0;
  #bits = 0;

  constructor(namespace: string, drainFlags: number) {
    this.#namespace = namespace;
    this.#drainFlags = drainFlags;
  }

  /** Writes what is there before the history begins. */
  async seed(engine: StorageEngine): Promise<void> {
    const value = new Uint8Array(0);
    const ops = Array.from({ length: this.#drainFlags }, (_, i) => ({
      op: "put" as const,
      key: this.#key(`drain/${padded(i)}`),
      value,
    }));
    await engine.write({ ops, requires: [], durability: "durable" });
  }

  /** Writes something that is no object: durable once it is acknowledged, with all before it. */
  async touch(engine: StorageEngine): Promise<void> {
    const ops = [{ op: "put", key: this.#key("touched"), value: new Uint8Array(1) }] as const;
    await engine.write({ ops, requires: [], durability: "durable" });
  }

  async readList(transaction: TrackedTransaction, name: string): Promise<Observation> {
    const value = await transaction.get(this.#key(name));
    const text = value === undefined ? "" : decoder.decode(value);
    return { of: "list", name, items: text === "" ? [] : text.split(",") };
  }

  appendToList(
    transaction: TrackedTransaction,
    seen: Observation,
    item: string,
  ): readonly Effect[] {
    assert(seen.of === "list", "a list is appended to after it was read");
    const value = encoder.encode([...seen.items, item].join(","));
    transaction.put(this.#key(seen.name), value);
    return [{ on: "list", name: seen.name, item }];
  }

  async readRegister(transaction: TrackedTransaction, name: string): Promise<Observation> {
    const value = await transaction.get(this.#key(name));
    const writer = value === undefined ? undefined : Number(decoder.decode(value));
    return { of: "register", name, writer };
  }

  writeRegister(
    transaction: TrackedTransaction,
    seen: Observation,
    writer: number,
  ): readonly Effect[] {
    assert(seen.of === "register", "a register is written after it was read");
    transaction.put(this.#key(seen.name), encoder.encode(String(writer)));
    return [{ on: "register", name: seen.name, replaced: seen.writer }];
  }

  /** Flips flags that nobody flipped before; none once all of a kind are used up. */
  flip(transaction: TrackedTransaction, random: SeededRandom): readonly Effect[] {
    switch (random.below(4)) {
      case 0:
        // A plan changes a key once (law 8), so a second bit of one transaction becomes a row.
        return transaction.plan.ops.some(({ op }) => op === "merge")
          ? this.#flipByInsert(transaction)
          : this.#flipByMerge(transaction);
      case 1:
        return this.#flipByDelete(transaction, 1 + random.below(3));
      default:
        return this.#flipByInsert(transaction);
    }
  }

  async readFlags(transaction: TrackedTransaction, random: SeededRandom): Promise<Observation> {
    switch (random.below(5)) {
      case 0:
        return this.#readCell(transaction, random.below(this.#cells()));
      case 1:
        return this.#readRow(transaction, "drain", padded(this.#recentlyDrained(random)));
      case 2:
        return this.#readRow(transaction, "grow", scattered(recent(this.#grown, random)));
      default:
        return this.#readRows(transaction, random.oneIn(3) ? "drain" : "grow", random);
    }
  }

  /** Everything, for the end of a history. */
  async readAll(
    transaction: TrackedTransaction,
    lists: readonly string[],
    registers: readonly string[],
  ): Promise<readonly Observation[]> {
    const seen: Observation[] = [];
    for (const name of lists) seen.push(await this.readList(transaction, name));
    for (const name of registers) seen.push(await this.readRegister(transaction, name));
    for (let i = 0; i < this.#cells(); i++) seen.push(await this.#readCell(transaction, i));
    for (const kind of ["grow", "drain"] as const) {
      const keys = (await transaction.entries(this.#range(kind))).map(({ key }) => key);
      seen.push(this.#seenRows(kind, this.#range(kind), keys));
    }
    return seen;
  }

  #flipByInsert(transaction: TrackedTransaction): readonly Effect[] {
    const name = `grow/${scattered(this.#grown++)}`;
    transaction.put(this.#key(name), encoder.encode(name));
    return [{ on: "flag", name }];
  }

  /** One row by its key, several by their range. */
  #flipByDelete(transaction: TrackedTransaction, wanted: number): readonly Effect[] {
    const count = Math.min(wanted, this.#drainFlags - this.#drained);
    if (count === 0) return [];
    const first = this.#drained;
    this.#drained += count;
    const names = Array.from({ length: count }, (_, i) => `drain/${padded(first + i)}`);
    if (count === 1) transaction.del(this.#key(names[0]!));
    else {
      const end = this.#key(`drain/${padded(first + count)}`);
      transaction.delRange({ start: this.#key(names[0]!), end });
    }
    return names.map((name) => ({ on: "flag", name }));
  }

  #flipByMerge(transaction: TrackedTransaction): readonly Effect[] {
    const cell = Math.floor(this.#bits / CELL_BITS);
    const bit = this.#bits++ % CELL_BITS;
    const operand = new Uint8Array(8);
    new DataView(operand.buffer).setBigInt64(0, 1n << BigInt(bit));
    transaction.merge(this.#key(cellName(cell)), "addInt", operand);
    return [{ on: "flag", name: bitName(cell, bit) }];
  }

  async #readCell(transaction: TrackedTransaction, cell: number): Promise<Observation> {
    const value = await transaction.get(this.#key(cellName(cell)));
    const flipped = new Set<string>();
    if (value !== undefined) {
      const bits = new DataView(value.buffer, value.byteOffset, 8).getBigInt64(0);
      for (let bit = 0; bit < 64; bit++) {
        if (((bits >> BigInt(bit)) & 1n) === 1n) flipped.add(bitName(cell, bit));
      }
    }
    return { of: "flags", start: bitName(cell, 0), end: bitName(cell, 63), flipped };
  }

  async #readRow(
    transaction: TrackedTransaction,
    kind: "grow" | "drain",
    name: string,
  ): Promise<Observation> {
    const flag = `${kind}/${name}`;
    const isThere = (await transaction.get(this.#key(flag))) !== undefined;
    const flipped = new Set(isThere === (kind === "grow") ? [flag] : []);
    return { of: "flags", start: flag, end: flag, flipped };
  }

  /** Some rows from one end, or all. */
  async #readRows(
    transaction: TrackedTransaction,
    kind: "grow" | "drain",
    random: SeededRandom,
  ): Promise<Observation> {
    const from = `${kind}/${padded(random.below(10) * 10 ** (NAME_DIGITS - 1))}`;
    const whole = this.#range(kind);
    const range = random.oneIn(3) ? whole : { start: this.#key(from), end: whole.end };
    const reverse = random.oneIn(3);
    const limit = random.oneIn(2) ? 1 + random.below(8) : Infinity;
    const options = Number.isFinite(limit) ? { reverse, limit } : { reverse };
    const keys = (await transaction.entries(range, options)).map(({ key }) => key);
    const last = keys[keys.length - 1];
    if (last === undefined || keys.length < limit) return this.#seenRows(kind, range, keys);
    const consumed = reverse ? { start: last, end: range.end } : { start: range.start, end: last };
    return this.#seenRows(kind, consumed, keys);
  }

  /** `end` of the range counts as looked at: it is the last row seen, or beyond all names. */
  #seenRows(kind: "grow" | "drain", range: KeyRange, keys: readonly Bytes[]): Observation {
    const start = this.#name(range.start);
    const end = this.#name(range.end!);
    const there = new Set(keys.map((key) => this.#name(key)));
    if (kind === "grow") return { of: "flags", start, end, flipped: there };
    const flipped = new Set<string>();
    for (let i = 0; i < this.#drainFlags; i++) {
      const name = `drain/${padded(i)}`;
      if (name >= start && name <= end && !there.has(name)) flipped.add(name);
    }
    return { of: "flags", start, end, flipped };
  }

  #recentlyDrained(random: SeededRandom): number {
    return Math.min(recent(this.#drained, random), this.#drainFlags - 1);
  }

  #cells(): number {
    return Math.floor(this.#bits / CELL_BITS) + 1;
  }

  #key(name: string): Bytes {
    return encoder.encode(this.#namespace + name);
  }

  #name(key: Bytes): string {
    return decoder.decode(key).slice(this.#namespace.length);
  }

  #range(kind: "grow" | "drain"): KeyRange {
    return prefixRange(this.#key(`${kind}/`));
  }
}

/** One of the last few of `count` flags, or one of the next: where something may happen at this moment. */
function recent(count: number, random: SeededRandom): number {
  return Math.max(0, count - 6) + random.below(9);
}

function cellName(cell: number): string {
  return `cell/${padded(cell)}`;
}

function bitName(cell: number, bit: number): string {
  return `${cellName(cell)}/${String(bit).padStart(2, "0")}`;
}
