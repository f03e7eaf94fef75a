/**
 * The source of a copy: one state, read forward once, or twice where an earlier copy proves to be of another state.
 *
 * Always true: the tally is of the rows before the one that the source is at.
 */
import { hex, isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import type { ReadView } from "../contract/index.ts";
import type { OnRows } from "./compare-engines.ts";
import type { CopiedSoFar } from "./copy-target.ts";
import { RowWalk } from "./row-reader.ts";

export type CopiedRow = readonly [key: Bytes, value: Bytes];

/** After so many rows the caller is told how far it is. */
const TOLD_ROWS = 1_000;

export class CopySource {
  readonly #view: ReadView;
  #walk: RowWalk;
  #lastKey: Bytes | undefined;

  constructor(view: ReadView) {
    this.#view = view;
    this.#walk = new RowWalk(view);
  }

  /** It is at a row. */
  get isThere(): boolean {
    return this.#walk.isThere;
  }
  /** How many rows it has passed. */
  get rows(): number {
    return this.#walk.tally.rows;
  }
  /** Of the row that it is at. */
  get rowBytes(): number {
    const { reader } = this.#walk;
    return reader.keyBytes() + reader.valueBytes();
  }
  get row(): CopiedRow {
    const { reader } = this.#walk;
    return [reader.key(), reader.value()];
  }
  /** The rows that it has passed, as a mark says it. */
  get passed(): CopiedSoFar {
    const position = this.#lastKey === undefined ? null : hex(this.#lastKey, Infinity);
    return { position, ...this.#walk.tally.figures() };
  }

  /**
   * Goes to the row behind those that are copied, if these are still the same; else to the first row, and gives false.
   */
  async begin(copied: CopiedSoFar, onRows: OnRows): Promise<boolean> {
    await this.#walk.begin();
    while (this.isThere && this.rows < copied.rows) {
      const moved = this.pass();
      if (isPromise(moved)) await moved;
      if (this.rows % TOLD_ROWS === 0) await onRows(this.rows);
    }
    const { bytes, checksum, position, rows } = this.passed;
    const isSame =
      rows === copied.rows &&
      bytes === copied.bytes &&
      checksum === copied.checksum &&
      position === copied.position;
    if (isSame || rows === 0) return isSame;
    this.close();
    this.#walk = new RowWalk(this.#view);
    this.#lastKey = undefined;
    await this.#walk.begin();
    return false;
  }

  /** Counts the row that it is at and goes to the next one. */
  pass(): Awaitable<void> {
    this.#lastKey = this.#walk.reader.key();
    return this.#walk.advance();
  }

  close(): void {
    this.#walk.reader.close();
  }
}
