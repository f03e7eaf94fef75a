/** The engine's own scanRefs and scanMany, with what they show kept in the read set. For transactions without own writes. */
import { andThen } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { MultiScan, Page, RefPage, RefScan } from "../../engine/contract/index.ts";
import type { ConsumedRanges } from "./consumed-ranges.ts";
import { copyOfKey } from "./engine-rows.ts";
import type { ReadSet } from "./read-set.ts";
import { referenceOf } from "./reference.ts";
import type { ScanOwner } from "./scan-owner.ts";
import type { TaggedPage } from "./scan-sequence.ts";

/** Keeps what one range's pages show; a page that fills the limit says nothing of what lies behind. */
class RangeRecorder {
  readonly #consumed: ConsumedRanges;
  #left: number;

  constructor(consumed: ConsumedRanges, limit: number) {
    this.#consumed = consumed;
    this.#left = limit;
  }

  shown(page: Page, rangeEnds: boolean): void {
    this.#left -= page.rows;
    if (rangeEnds && this.#left > 0) this.#consumed.all();
    else if (page.rows > 0) this.#consumed.through(copyOfKey(page, page.rows - 1));
  }

  /** No more pages will come: to the end, unless the limit was reached first. */
  ended(): void {
    if (this.#left > 0) this.#consumed.all();
    this.#consumed.finish();
  }

  finish(): void {
    this.#consumed.finish();
  }
}

export class RecordedRefScan implements RefScan {
  readonly #scan: RefScan;
  readonly #owner: ScanOwner;
  readonly #reads: ReadSet;
  readonly #recorder: RangeRecorder;

  constructor(
    scan: RefScan,
    owner: ScanOwner,
    reads: ReadSet,
    consumed: ConsumedRanges,
    limit: number,
  ) {
    this.#scan = scan;
    this.#owner = owner;
    this.#reads = reads;
    this.#recorder = new RangeRecorder(consumed, limit);
  }

  next(): Awaitable<RefPage> {
    this.#owner.assertOpen();
    return andThen(this.#scan.next(), (page) => {
      for (let row = 0; row < page.entries.rows; row++) {
        this.#reads.addKey(referenceOf(page.entries, row), true);
      }
      this.#recorder.shown(page.entries, page.entries.done);
      if (page.entries.done) this.close();
      return page;
    });
  }

  close(): void {
    this.#scan.close();
    this.#recorder.finish();
    this.#owner.scanEnded(this);
  }
}

export class RecordedMultiScan implements MultiScan {
  readonly #scan: MultiScan;
  readonly #owner: ScanOwner;
  readonly #recorders: readonly RangeRecorder[];
  /** Rows the caller still wants of all ranges together. */
  #left: number;
  /** The range that the latest page came from. */
  #at = 0;

  constructor(
    scan: MultiScan,
    owner: ScanOwner,
    consumed: readonly ConsumedRanges[],
    limits: { readonly all: number; readonly each: number },
  ) {
    this.#scan = scan;
    this.#owner = owner;
    this.#recorders = consumed.map((range) => new RangeRecorder(range, limits.each));
    this.#left = limits.all;
  }

  next(): Awaitable<TaggedPage | undefined> {
    this.#owner.assertOpen();
    return andThen(this.#scan.next(), (tagged) => {
      this.#endRangesBefore(tagged?.range ?? this.#recorders.length);
      if (tagged === undefined) {
        this.close();
        return undefined;
      }
      this.#left -= tagged.page.rows;
      this.#recorders[tagged.range]!.shown(tagged.page, false);
      return tagged;
    });
  }

  close(): void {
    this.#scan.close();
    for (const recorder of this.#recorders) recorder.finish();
    this.#owner.scanEnded(this);
  }

  /** Ranges come in order: those before the one at hand are over, unless the limit of all has cut them off. */
  #endRangesBefore(range: number): void {
    for (; this.#at < range; this.#at++) {
      if (this.#left > 0) this.#recorders[this.#at]!.ended();
    }
  }
}
