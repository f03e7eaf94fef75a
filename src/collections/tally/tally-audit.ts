/**
 * What the cells of one tally should hold, computed from documents, held against what they do hold. A plain recomputation
 * with one sum for each cell: its memory grows with the number of groups.
 *
 * Always true: a cell that holds 0 and a cell that is not there are the same, so neither is ever a problem for the other.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Document } from "../document/document.ts";
import { scalarText } from "../filter/filter-text.ts";
import type { CellMaker } from "./tally-cells.ts";
import { CELL_ABSENT, CELL_COUNT, decodeAmount, placeOfCell } from "./tally-cells.ts";

interface ExpectedCell {
  readonly key: Bytes;
  amount: bigint;
}

export class TallyAudit {
  readonly #maker: CellMaker;
  /** What was not met yet, by key. */
  readonly #expected = new Map<string, ExpectedCell>();

  constructor(maker: CellMaker) {
    this.#maker = maker;
  }

  get tally(): CellMaker["tally"] {
    return this.#maker.tally;
  }

  /** Counts a stored document. */
  add(document: Document): void {
    for (const { key, amount } of this.#maker.changesOf(undefined, document)) {
      const text = hex(key, Infinity);
      const cell = this.#expected.get(text);
      if (cell === undefined) this.#expected.set(text, { key, amount: BigInt(amount) });
      else cell.amount += BigInt(amount);
    }
  }

  /** What is wrong with a stored cell, in words. @throws CorruptionError where it is no cell. */
  problemOf(key: Bytes, value: Bytes): string | undefined {
    const where = this.#textOf(key);
    const found = decodeAmount(value);
    const text = hex(key, Infinity);
    const expected = this.#expected.get(text)?.amount ?? 0n;
    this.#expected.delete(text);
    return found === expected ? undefined : this.#problem(where, `${found}`, expected);
  }

  /** What is wrong with the cells that were not met, once all were. */
  *missing(): Generator<string> {
    for (const { key, amount } of this.#expected.values()) {
      if (amount !== 0n) yield this.#problem(this.#textOf(key), "nothing", amount);
    }
  }

  #problem(where: string, found: string, expected: bigint): string {
    return `the index "${this.tally.name}" holds ${found} for ${where}, its documents give ${expected}`;
  }

  /** 'the count of role = "admin"'. */
  #textOf(key: Bytes): string {
    const { values, cell } = placeOfCell(this.tally, key, 0, key.length);
    const group = this.tally.by.map((path, i) => `${path.text} = ${scalarText(values[i])}`);
    const of = group.length === 0 ? "all" : group.join(", ");
    if (cell === CELL_COUNT) return `the count of ${of}`;
    if (cell === CELL_ABSENT) return `the count without a number of ${of}`;
    return `part ${cell.toString(16)} of the sum of ${of}`;
  }
}
