/**
 * The work of a flush and of a compaction alike: read sorted sources, leave out what nobody can see, write tables.
 *
 * Always true:
 * (1) Any view at one of the sequences given, and any later one, reads the same from the outputs as from the inputs.
 * (2) Nothing refers to the outputs until the caller installs them; given up or failed, they are only files to remove.
 */
import { compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { RangeDeleteIndex } from "../cursor/index.ts";
import type { Cursor, RangeDelete } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { TableWriter } from "../sstable/index.ts";
import { KeepOrDrop, isInOldestStratum } from "./keep-or-drop.ts";
import type { GrandparentCut } from "./policy/grandparent-cut.ts";
import type { ViewSequences } from "./keep-or-drop.ts";
import type { OlderBeneath } from "./older-beneath.ts";
import type { Slices } from "./slices.ts";
import { TableOutput } from "./table-output.ts";

export interface MergeParts {
  /** All inputs as one; closed at the end. */
  readonly cursor: Cursor;
  /** Those of the inputs. */
  readonly rangeDeletes: readonly RangeDelete[];
  readonly views: ViewSequences;
  /** What of the same keys may lie deeper than the output. */
  readonly beneath: OlderBeneath;
  readonly newTable: () => TableWriter;
  readonly outputLevel: number;
  readonly tableBytesTarget: number;
  /** Ends outputs early; undefined: nothing lies beneath the outputs. */
  readonly cut?: GrandparentCut | undefined;
  readonly slices: Slices;
  /** Called between slices; true gives the work up. */
  readonly between: () => Promise<boolean> | boolean;
}

export interface MergeResult {
  readonly tables: readonly TableMeta[];
  /** The work was given up, and the tables are to be removed. */
  readonly isGivenUp: boolean;
  readonly entriesRead: number;
  readonly entriesKept: number;
}

export async function mergeTables(parts: MergeParts): Promise<MergeResult> {
  const { cursor, beneath, cut, views, rangeDeletes } = parts;
  const output = new TableOutput({
    newTable: parts.newTable,
    level: parts.outputLevel,
    tableBytesTarget: parts.tableBytesTarget,
    rangeDeletes: rangeDeletes.filter(
      (one) => !isInOldestStratum(views, one.sequence) || beneath.overlapsRange(one),
    ),
  });
  const keepOrDrop = new KeepOrDrop({
    views,
    rangeDeletes: RangeDeleteIndex.build(rangeDeletes),
    isBeneath: (key, start, end) => beneath.holds(key, start, end),
  });
  const merge = new Merge(cursor, keepOrDrop, output);
  try {
    cursor.seekToFirst();
    while (cursor.valid) {
      if (merge.keepsPresent()) {
        // While a table is being synced others may run; the cursor stands still meanwhile.
        if (merge.isFirstOfKey) {
          const isCut = cut?.endsBefore(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd) === true;
          if (isCut || output.isFull) {
            await output.split(cursor);
            cut?.restart();
          }
        }
        merge.take();
      }
      const bytes = cursor.valueEnd - cursor.valueStart;
      cursor.next();
      if (parts.slices.isOver(bytes)) {
        await parts.slices.pause();
        if (await parts.between()) return merge.result(output.abandon(), true);
      }
    }
    return merge.result(await output.finish(), false);
  } catch (error) {
    abandonQuietly(output);
    throw error;
  } finally {
    cursor.close();
  }
}

class Merge {
  readonly #cursor: Cursor;
  readonly #keepOrDrop: KeepOrDrop;
  readonly #output: TableOutput;
  #key: Bytes = new Uint8Array(256);
  #keyLength = -1;
  /** The present user key has an entry in the output already. */
  #keyIsOut = false;
  #read = 0;
  #kept = 0;

  constructor(cursor: Cursor, keepOrDrop: KeepOrDrop, output: TableOutput) {
    this.#cursor = cursor;
    this.#keepOrDrop = keepOrDrop;
    this.#output = output;
  }

  /** HOT: bench/micro/lsm-engine.ts. Whether the present entry stays; asked once for each. */
  keepsPresent(): boolean {
    const { keyBuffer, keyEnd, keyStart, kind, sequence } = this.#cursor;
    if (
      keyEnd - keyStart !== this.#keyLength ||
      compareByteRanges(keyBuffer, keyStart, keyEnd, this.#key, 0, this.#keyLength) !== 0
    ) {
      this.#startKey();
    }
    this.#read++;
    return this.#keepOrDrop.keeps(keyBuffer, keyStart, keyEnd, sequence, kind);
  }

  /** Nothing of the present user key was taken yet: here a table may end. */
  get isFirstOfKey(): boolean {
    return !this.#keyIsOut;
  }

  take(): void {
    this.#output.add(this.#cursor);
    this.#keyIsOut = true;
    this.#kept++;
  }

  result(tables: readonly TableMeta[], isGivenUp: boolean): MergeResult {
    return { tables, isGivenUp, entriesRead: this.#read, entriesKept: this.#kept };
  }

  #startKey(): void {
    const { keyBuffer, keyStart, keyEnd } = this.#cursor;
    const length = keyEnd - keyStart;
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#key[i] = keyBuffer[keyStart + i]!;
    this.#keyLength = length;
    this.#keyIsOut = false;
    this.#keepOrDrop.startKey();
  }
}

/** The first error is the one to report; what is left behind is swept when the database is opened again. */
function abandonQuietly(output: TableOutput): void {
  try {
    output.abandon();
  } catch {
    // The file stays behind as an orphan.
  }
}
