/**
 * The target of a copy: claimed when nobody else has a row there, marked until the end, filled in steps of which each is
 * durable before the mark says so.
 *
 * Always true:
 * (1) Rows are written only while the mark is there, and by the copier that wrote it: every commit and every load requires
 *     the mark that this one wrote last.
 * (2) The mark says no more than what is durable. So after a crash at any point what it says is there, and what lies
 *     behind its position is deleted before the copy goes on.
 * (3) What is deleted is deleted in steps of bounded size, the mark staying.
 */
import { nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { COPY_MARK_KEY, Conflict, RequirementFailed } from "../contract/index.ts";
import type { KeyRange, ReadView, Requirement, StorageEngine, WriteOp } from "../contract/index.ts";
import { CopyOvertaken, TargetNotEmpty } from "./copy-error.ts";
import { decodeMark, encodeMark, uncopiedFrom } from "./copy-mark.ts";
import type { CopyMark } from "./copy-mark.ts";
import { EVERYTHING, RowReader, RowTally } from "./row-reader.ts";

/** Conflicts where nobody else should write come from engines that see some where none are; they pass at once. */
const ATTEMPTS_MAX = 20;
/** So many keys are deleted in one commit, as one range. */
const CLEARED_ROWS = 10_000;

/** What a mark says of the rows up to its position. */
export type CopiedSoFar = Omit<CopyMark, "run">;

const NOTHING: CopiedSoFar = { position: null, ...new RowTally().figures() };

/** What a copier would find there: a mark, or undefined where there is nothing at all. @throws TargetNotEmpty. */
async function foundIn(view: ReadView): Promise<CopyMark | undefined> {
  const mark = await view.get(COPY_MARK_KEY);
  if (mark !== undefined) return decodeMark(mark);
  const reader = new RowReader(view, { keysOnly: true });
  try {
    if (await reader.next()) throw new TargetNotEmpty(reader.key());
    return undefined;
  } finally {
    reader.close();
  }
}

/**
 * Refuses what no copy can be made to, without changing anything: copyEngine() does the same before it begins.
 *
 * @throws TargetNotEmpty.
 */
export async function refuseFilledTarget(engine: StorageEngine): Promise<void> {
  const view = await engine.snapshot();
  try {
    await foundIn(view);
  } finally {
    view.close();
  }
}

export class CopyTarget {
  readonly engine: StorageEngine;
  #mark: CopyMark;

  private constructor(engine: StorageEngine, mark: CopyMark) {
    this.engine = engine;
    this.#mark = mark;
  }

  /** Takes the target for this copier. @throws TargetNotEmpty; then nothing was changed. */
  static claim(engine: StorageEngine): Promise<CopyTarget> {
    return patiently(async () => {
      const tx = await engine.begin();
      try {
        const found = await foundIn(tx);
        const former = found ?? { run: 0, ...NOTHING };
        const mark = { ...former, run: former.run + 1 };
        await tx.commit({
          readKeys: [COPY_MARK_KEY],
          readRanges: found === undefined ? [EVERYTHING] : [],
          ops: [{ op: "put", key: COPY_MARK_KEY, value: encodeMark(mark) }],
          requires: [],
          durability: "durable",
        });
        return new CopyTarget(engine, mark);
      } finally {
        tx.abort();
      }
    });
  }

  /** What is durable here. */
  get copied(): CopiedSoFar {
    return this.#mark;
  }

  /** Nothing that is here counts any more. */
  async forget(): Promise<void> {
    if (this.#mark.position !== null) await this.commit([], NOTHING);
  }

  /** Deletes what stands behind the position of the mark. */
  async clearUncopied(): Promise<void> {
    const start = uncopiedFrom(this.#mark);
    for (;;) {
      const range = await this.#firstRows(start);
      if (range === undefined) return;
      await this.commit([{ op: "delRange", range }], this.#mark);
    }
  }

  /** Whether the engine takes rows by load(). */
  get loads(): boolean {
    return this.engine.load !== undefined;
  }

  /** By the engine's load(): durable when it ends, and known to the mark when the next commit says so. */
  async load(rows: Parameters<NonNullable<StorageEngine["load"]>>[0]): Promise<void> {
    await this.#heeding((requires) => this.engine.load!(rows, { requires }));
  }

  /** In one commit: what is done to rows, and what is copied then. What the ops leave out of that is durable already. */
  async commit(ops: readonly WriteOp[], copied: CopiedSoFar): Promise<void> {
    const mark = { ...copied, run: this.#mark.run };
    await this.#requiring([...ops, { op: "put", key: COPY_MARK_KEY, value: encodeMark(mark) }]);
    this.#mark = mark;
  }

  /** From here on the target is a database. */
  async finish(): Promise<void> {
    await this.#requiring([{ op: "del", key: COPY_MARK_KEY }]);
  }

  async #requiring(ops: readonly WriteOp[]): Promise<void> {
    await this.#heeding((requires) =>
      patiently(async () => this.engine.write({ ops, requires, durability: "durable" })),
    );
  }

  async #heeding(write: (requires: readonly Requirement[]) => Promise<unknown>): Promise<void> {
    const value = encodeMark(this.#mark);
    try {
      await write([{ is: "equal", key: COPY_MARK_KEY, value }]);
    } catch (error) {
      throw error instanceof RequirementFailed ? new CopyOvertaken() : error;
    }
  }

  /** A range of keys that are there, from `start` on; undefined where none are but the mark. */
  async #firstRows(start: Bytes): Promise<KeyRange | undefined> {
    const view = await this.engine.snapshot();
    const reader = new RowReader(view, { keysOnly: true, start });
    try {
      let last: Bytes | undefined;
      for (let rows = 0; rows < CLEARED_ROWS && (await reader.next()); rows++) last = reader.key();
      return last === undefined ? undefined : { start, end: nextKey(last) };
    } finally {
      reader.close();
      view.close();
    }
  }
}

/** Runs work again that has lost a conflict: nothing of it has happened then. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Conflict) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}
