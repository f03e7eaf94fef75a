/**
 * Everything that one engine holds, into another one that holds nothing: keys and values as they are.
 *
 * 1. The source is read in one state, a page at a time. Whether the target can hold its rows is looked at first, where
 *    the target takes less than the source does.
 * 2. The target is marked (contract/unfinished-copy.ts), so that it is no database until the end.
 * 3. Rows go over in steps: by load() where the target has one, the mark after each; else in commits that carry the mark.
 * 4. Both sides are read and compared, byte by byte. Only then the mark goes.
 *
 * A copy that did not come to its end goes on where the mark says, if the source is still in the state that was copied.
 * Engines say of their states no more than whether two of theirs are one: nothing that would tell a database from one
 * that began as a copy of its files. So it is proven by the rows: the source is read anew up to the position of the mark,
 * and they are the same in number, bytes and checksum, or the copy begins anew. What came behind the position since then
 * is in the state that is copied now.
 *
 * Always true:
 * (1) What ends with success is one state of the source, the whole of it and nothing else.
 * (2) Memory holds a page of each side, and one commit or what load() takes.
 * (3) Before the target was marked nothing in it has changed.
 */
import { assert, isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { COPY_MARK_KEY, refuseUnfinishedCopy } from "../contract/index.ts";
import type { ReadView, StorageEngine, WriteOp } from "../contract/index.ts";
import { compareViews } from "./compare-engines.ts";
import { CopyDiffers } from "./copy-error.ts";
import { CopySource } from "./copy-source.ts";
import type { CopiedRow } from "./copy-source.ts";
import { CopyTarget, refuseFilledTarget } from "./copy-target.ts";
import { EVERYTHING } from "./row-reader.ts";
import type { RowFigures } from "./row-reader.ts";
import { TargetLimits } from "./target-limits.ts";

export interface CopyProgress {
  /** measuring: do all rows fit? resuming: is what an earlier copy has brought still so in the source? */
  readonly phase: "measuring" | "resuming" | "copying" | "verifying";
  /** Of this phase. */
  readonly rowsDone: number;
  /** A guess until the rows were counted; undefined where the source cannot guess. */
  readonly rowsTotal: number | undefined;
}

export interface CopyOptions {
  /**
   * Is told how far the copy is, about every 1,000 rows, and waited for: to give others their turn where both engines have
   * all in memory, or to go slowly.
   */
  readonly onProgress?: (progress: CopyProgress) => Awaitable<void>;
  /**
   * After so many bytes of keys and values the mark is written, where the target loads: so much is copied again at most
   * after a crash. Default 64 MiB.
   */
  readonly loadBytes?: number;
  /** So many bytes of keys and values go into one commit, where it does not. Default 4 MiB; a larger row still fits. */
  readonly commitBytes?: number;
}

/** What was copied, all of it, and read back. */
export interface CopyResult extends RowFigures {
  /** So many of the rows had been brought by an earlier copy that did not come to its end. */
  readonly rowsResumed: number;
  /** There were rows of an earlier copy, but the source is not in the state that they came from. */
  readonly beganAnew: boolean;
}

const LOAD_BYTES = 64 * 1_024 * 1_024;
const COMMIT_BYTES = 4 * 1_024 * 1_024;
/** Rows that are handed over together, and after which the caller is told how far it is. */
const PIECE_ROWS = 1_000;
/** The same, in bytes: a page's worth, which is in memory anyway. */
const PIECE_BYTES = 256 * 1_024;

/**
 * Copies the newest state of the source. Others may go on to use the source; nobody else may write to the target. After
 * an error the target stays marked: the same call goes on from there.
 *
 * @throws TargetNotEmpty; StorageError 'KeyTooLarge', 'ValueTooLarge' or 'TransactionTooLarge' with the key of a row that
 *   the target cannot hold, 'UnfinishedCopy' if the source is one: nothing was changed.
 * @throws CopyDiffers if what was read back is something else, CorruptionError where the source is damaged, and whatever
 *   else the engines fail with.
 * @example
 * const source = await openLsmEngine({ path: "./data", readOnly: true });
 * const { rows, checksum } = await copyEngine(source, target);
 */
export async function copyEngine(
  source: StorageEngine,
  target: StorageEngine,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const view = await source.snapshot();
  try {
    return await new Copier(source, view, target, options).run();
  } finally {
    view.close();
  }
}

class Copier {
  readonly #from: StorageEngine;
  readonly #view: ReadView;
  readonly #to: StorageEngine;
  readonly #options: CopyOptions;
  readonly #limits: TargetLimits;
  readonly #source: CopySource;
  #rowsTotal: number | undefined;

  constructor(from: StorageEngine, view: ReadView, to: StorageEngine, options: CopyOptions) {
    this.#from = from;
    this.#view = view;
    this.#to = to;
    this.#options = options;
    this.#limits = new TargetLimits(to);
    this.#source = new CopySource(view);
    this.#rowsTotal = from.estimateRows?.(EVERYTHING);
  }

  async run(): Promise<CopyResult> {
    try {
      refuseUnfinishedCopy(await this.#view.get(COPY_MARK_KEY));
      await this.#refuseWhatIsKnown();
      const target = await CopyTarget.claim(this.#to);
      const { rows } = target.copied;
      const isResumed = await this.#source.begin(target.copied, (passed) =>
        this.#tell("resuming", passed),
      );
      if (!isResumed) await target.forget();
      await target.clearUncopied();
      if (target.loads) await this.#loadRows(target);
      else await this.#commitRows(target);
      const copied = await this.#verified(target);
      await target.finish();
      return { ...copied, rowsResumed: isResumed ? rows : 0, beganAnew: !isResumed && rows > 0 };
    } finally {
      this.#source.close();
    }
  }

  /** A target that has rows, or cannot hold those that come, is left as it is. */
  async #refuseWhatIsKnown(): Promise<void> {
    await refuseFilledTarget(this.#to);
    const { limits } = this.#from;
    if (this.#limits.takesAllOf(limits)) return;
    this.#rowsTotal = await this.#limits.measure(this.#view, limits, (rows) =>
      this.#tell("measuring", rows),
    );
  }

  async #loadRows(target: CopyTarget): Promise<void> {
    const { loadBytes = LOAD_BYTES } = this.#options;
    while (this.#source.isThere) {
      const before = this.#source.rows;
      await target.load(this.#pieces(loadBytes));
      assert(this.#source.rows > before, "load() takes what it is handed");
      await target.commit([], this.#source.passed);
    }
  }

  /** Rows of so many bytes, in pieces; at least one row. */
  async *#pieces(bytesMax: number): AsyncGenerator<readonly CopiedRow[]> {
    const source = this.#source;
    for (let bytes = 0; source.isThere && bytes < bytesMax;) {
      const rows: CopiedRow[] = [];
      const pieceEnd = Math.min(bytesMax, bytes + PIECE_BYTES);
      while (source.isThere && bytes < pieceEnd && rows.length < PIECE_ROWS) {
        bytes += source.rowBytes;
        rows.push(this.#fitting(source.row));
        const moved = source.pass();
        if (isPromise(moved)) await moved;
      }
      yield rows;
      await this.#tell("copying", source.rows);
    }
  }

  async #commitRows(target: CopyTarget): Promise<void> {
    const source = this.#source;
    const bytesMax = Math.min(this.#options.commitBytes ?? COMMIT_BYTES, this.#limits.rowBytes);
    while (source.isThere) {
      const ops: WriteOp[] = [];
      let bytes = 0;
      do {
        bytes += source.rowBytes;
        const [key, value] = this.#fitting(source.row);
        ops.push({ op: "put", key, value });
        const moved = source.pass();
        if (isPromise(moved)) await moved;
      } while (source.isThere && ops.length < PIECE_ROWS && bytes + source.rowBytes <= bytesMax);
      await target.commit(ops, source.passed);
      await this.#tell("copying", source.rows);
    }
  }

  /** What is in the target is what the source holds, or the mark is set back to nothing. */
  async #verified(target: CopyTarget): Promise<RowFigures> {
    this.#rowsTotal = this.#source.rows;
    const view = await this.#to.snapshot();
    try {
      const onRows = (rows: number): Awaitable<void> => this.#tell("verifying", rows);
      const { copy, differences, first } = await compareViews(this.#view, view, onRows);
      if (first === undefined) return copy;
      await target.forget();
      throw new CopyDiffers(first, differences);
    } finally {
      view.close();
    }
  }

  #fitting(row: CopiedRow): CopiedRow {
    this.#limits.assertTakes(row[0], row[1].length);
    return row;
  }

  #tell(phase: CopyProgress["phase"], rowsDone: number): Awaitable<void> {
    return this.#options.onProgress?.({ phase, rowsDone, rowsTotal: this.#rowsTotal });
  }
}
