/**
 * The number cells that this process has met: who merges into a key for the first time makes a cell of it first, in a
 * transaction of its own, so that all who merge into it later only add rows. And when many were added, they are folded
 * into the base.
 *
 * Always true:
 * (1) A key in `known` is a cell on the server, and stays one.
 * (2) Neither making nor folding changes what a key holds.
 * (3) Work here is done on a connection beside the pool: who holds one of those never waits for another.
 */
import type { Bytes } from "../../base/index.ts";
import type { WriteOp } from "../contract/index.ts";
import { textOfKey } from "./commit-calls.ts";
import type { Pool } from "./connection/index.ts";
import { bytesList, numberList, valueOfRows } from "./table/index.ts";
import type { TableStatements } from "./table/index.ts";

/** So many merges cost a reader about as much as a page of rows. */
const FOLD_MERGES = 64;
/** Keys and counts of some hundred bytes each. */
const KNOWN_MAX = 50_000;

interface Cell {
  readonly key: Bytes;
  /** Settled once the server has it. */
  readonly made: Promise<void> | undefined;
  /** How many merges this process has seen or made since it last folded. */
  merges: number;
}

export class NumberCells {
  readonly #statements: TableStatements;
  readonly #side: Pool;
  readonly #known = new Map<string, Cell>();
  #folding: Promise<void> = Promise.resolve();

  constructor(statements: TableStatements, side: Pool) {
    this.#statements = statements;
    this.#side = side;
  }

  isKnown(key: Bytes): boolean {
    return this.#known.get(textOfKey(key)) !== undefined;
  }

  /** A reader has found the key to be a cell, with so many merges to go through. */
  found(key: Bytes, merges: number): void {
    const cell = this.#remember(key, undefined);
    cell.merges = Math.max(cell.merges, merges);
    this.#foldIfDue(cell);
  }

  /** Makes cells of the keys that the plan merges into; undefined where all are. */
  make(ops: readonly WriteOp[]): Promise<unknown> | undefined {
    const waits: Promise<void>[] = [];
    const missing: Bytes[] = [];
    for (const op of ops) {
      if (op.op !== "merge") continue;
      const cell = this.#known.get(textOfKey(op.key));
      if (cell === undefined) missing.push(op.key);
      else if (cell.made !== undefined) waits.push(cell.made);
    }
    if (missing.length > 0) waits.push(this.#makeAll(missing));
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  /** The plan was committed, and its commit has made cells of the keys that it merges into. */
  madeWith(ops: readonly WriteOp[]): void {
    for (const op of ops) if (op.op === "merge") this.#remember(op.key, undefined);
  }

  /** The plan was committed. */
  merged(ops: readonly WriteOp[]): void {
    for (const op of ops) {
      if (op.op !== "merge") continue;
      const cell = this.#known.get(textOfKey(op.key));
      if (cell === undefined) continue;
      cell.merges++;
      this.#foldIfDue(cell);
    }
  }

  /** Waits for the folds that are under way; for tests and for close. */
  settled(): Promise<void> {
    return this.#folding;
  }

  #remember(key: Bytes, made: Promise<void> | undefined): Cell {
    const text = textOfKey(key);
    let cell = this.#known.get(text);
    if (cell !== undefined) return cell;
    // The one that was met first is forgotten: at its next merge it is made again, which does nothing.
    if (this.#known.size >= KNOWN_MAX) this.#known.delete(this.#known.keys().next().value!);
    cell = { key: Uint8Array.from(key), made, merges: 0 };
    this.#known.set(text, cell);
    return cell;
  }

  #makeAll(keys: readonly Bytes[]): Promise<void> {
    const made = this.#makeOnServer(keys);
    for (const key of keys) this.#remember(key, made);
    made.catch(() => {
      for (const key of keys) this.#known.delete(textOfKey(key));
    });
    return made;
  }

  async #makeOnServer(keys: readonly Bytes[]): Promise<void> {
    const { beginCells, commit, makeCells } = this.#statements;
    const connection = await this.#side.acquire();
    try {
      await connection.run(
        [
          { statement: beginCells, values: [] },
          { statement: makeCells, values: [bytesList(keys.toSorted(byText))] },
          { statement: commit, values: [] },
        ],
        { alone: true },
      );
    } finally {
      this.#side.release(connection);
    }
  }

  #foldIfDue(cell: Cell): void {
    if (cell.merges < FOLD_MERGES) return;
    cell.merges = 0;
    // One after the other. What fails is tried again when as many merges have come; nobody waits for it.
    this.#folding = this.#folding.then(() => this.#fold(cell.key)).catch(() => {});
  }

  async #fold(key: Bytes): Promise<void> {
    const { begin, commit, foldCell, readCell, removeMerges } = this.#statements;
    const connection = await this.#side.acquire();
    try {
      const [, read] = await connection.run([
        { statement: begin, values: [] },
        { statement: readCell, values: [key] },
      ]);
      const rows = read!.rows.map(([n, how, v]) => ({ n: n!, how: how!, v: v! }));
      const merges = rows.filter(({ n }) => n !== "0").map(({ n }) => n);
      const value = valueOfRows(rows);
      if (merges.length === 0 || value === undefined) return;
      await connection.run([
        { statement: foldCell, values: [key, value] },
        { statement: removeMerges, values: [key, numberList(merges)] },
        { statement: commit, values: [] },
      ]);
    } finally {
      // Where it has not come to its commit the connection is dropped, and the server rolls back.
      this.#side.release(connection);
    }
  }
}

function byText(a: Bytes, b: Bytes): number {
  const [left, right] = [textOfKey(a), textOfKey(b)];
  return left < right ? -1 : Number(left > right);
}
