/**
 * One file of the simulated disk: what is on the platter, what programs see, and the changes between the two.
 *
 * Always true:
 * (1) `content` is what reads give: all changes, in order.
 * (2) `durable` is what a power cut keeps for sure: the changes that a successful sync covered.
 * (3) After a power cut each sector of 512 bytes holds the durable bytes with the first k of its pending changes, for
 *     some k of its own: sectors are written in whatever order, each whole or not at all. The size is one of those that the
 *     file had since the last sync; sectors that were never written read as zeros.
 * (4) Where sizes are journaled, the size is the one that the kept changes lead to, and sectors that were added hold at
 *     least what those changes wrote into them: data goes to the disk before the size that makes it visible.
 * (5) Changes that a failed sync covered are never made durable by a later one, though reads still show them: this is
 *     what Linux does after it reported a write error once.
 */
import { copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Journal } from "./journal.ts";

export const SECTOR_BYTES = 512;
/** So many writes are remembered for reads that are stale. */
const FORMER_MAX = 16;

/** Gives a whole number in [0, choices), the same for the same seed. */
export type Choose = (choices: number) => number;

type Change =
  | { readonly id: number; readonly offset: number; readonly bytes: Bytes; abandoned: boolean }
  | { readonly id: number; readonly size: number; abandoned: boolean };

/** What a write replaced. */
interface Former {
  readonly offset: number;
  readonly length: number;
  /** The bytes that there were; fewer than `length` where the file grew. */
  readonly bytes: Bytes;
}

/**
 * Bytes that grow by doubling; what lies beyond `size` is zero. Images share their bytes until one of them changes: a
 * power cut leaves most files as they were, and a test may look at thousands of disks.
 */
class Image {
  size: number;
  #bytes: Bytes;
  #isShared = true;

  /** `content` is never changed, neither here nor by its giver. */
  constructor(content: Bytes) {
    this.#bytes = content;
    this.size = content.length;
  }

  /** Valid until the next change. */
  get content(): Bytes {
    return this.#bytes.subarray(0, this.size);
  }

  /** The content for good: the next change is made to a copy. */
  share(): Bytes {
    this.#isShared = true;
    return this.content;
  }

  write(source: Bytes, offset: number): void {
    this.#reserve(offset + source.length);
    this.#bytes.set(source, offset);
    this.size = Math.max(this.size, offset + source.length);
  }

  resize(size: number): void {
    this.#reserve(size);
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  apply(change: Change): void {
    if ("bytes" in change) this.write(change.bytes, change.offset);
    else this.resize(change.size);
  }

  /** Room for so many bytes, in an array of our own. */
  #reserve(size: number): void {
    const { length } = this.#bytes;
    if (size <= length && !this.#isShared) return;
    const grown = new Uint8Array(
      size <= length ? length : Math.max(size, length * 2, SECTOR_BYTES),
    );
    grown.set(this.content);
    this.#bytes = grown;
    this.#isShared = false;
  }
}

export class SimulatedFile {
  /** How many handles have it open. */
  opened = 0;
  readonly #journal: Journal;
  readonly #content: Image;
  readonly #durable: Image;
  #pending: Change[] = [];
  readonly #former: Former[] = [];

  /** `durable` must not be changed by its giver. */
  constructor(durable: Bytes, journal: Journal) {
    this.#journal = journal;
    this.#content = new Image(durable);
    this.#durable = new Image(durable);
  }

  get size(): number {
    return this.#content.size;
  }

  /** The bytes that reads give; valid until the next change. */
  get content(): Bytes {
    return this.#content.content;
  }

  /** What reads give, for good: it does not change with the file. */
  shareContent(): Bytes {
    return this.#content.share();
  }

  write(source: Bytes, offset: number): void {
    const length = source.length;
    const end = Math.min(offset + length, this.size);
    const bytes = offset < end ? copyBytes(this.content, offset, end) : new Uint8Array(0);
    this.#former.push({ offset, length, bytes });
    if (this.#former.length > FORMER_MAX) this.#former.shift();
    this.#change({ id: this.#journal.next(), offset, bytes: copyBytes(source), abandoned: false });
  }

  truncate(size: number): void {
    this.#change({ id: this.#journal.next(), size, abandoned: false });
  }

  /** The bytes of [start, end) before the last write there; zeros where there were none. */
  staleContent(start: number, end: number): Bytes {
    const stale = copyBytes(this.content, start, Math.max(start, Math.min(end, this.size)));
    for (const { bytes, length, offset } of this.#former.toReversed()) {
      const from = Math.max(start, offset);
      const to = Math.min(start + stale.length, offset + length);
      if (from >= to) continue;
      stale.fill(0, from - start, to - start);
      const had = Math.min(to, offset + bytes.length);
      if (from < had) stale.set(bytes.subarray(from - offset, had - offset), from - start);
      break;
    }
    return stale;
  }

  /** Makes durable what was changed up to this number of the journal. */
  harden(covered: number): void {
    for (const change of this.#pending) {
      if (change.id <= covered && !change.abandoned) this.#durable.apply(change);
    }
    this.#pending = this.#pending.filter((change) => change.id > covered || change.abandoned);
  }

  abandon(covered: number): void {
    for (const change of this.#pending) if (change.id <= covered) change.abandoned = true;
  }

  /** The bytes after a power cut; undefined choice: nothing that is pending survives. */
  afterPowerCut(choose: Choose | undefined): Bytes {
    if (choose === undefined) return this.#durable.share();
    const sizes = this.#sizesSinceSync();
    return this.#survivor(sizes[choose(sizes.length)]!, choose, 0);
  }

  /** The bytes after a power cut when the journal kept the changes up to number `kept`. */
  afterJournal(kept: number, choose: Choose): Bytes {
    const steps = this.#pending.filter(({ id }) => id <= kept).length;
    return this.#survivor(this.#sizesSinceSync()[steps]!, choose, kept);
  }

  #survivor(size: number, choose: Choose, kept: number): Bytes {
    if (this.#pending.length === 0) return this.#durable.share();
    const survivor = new Uint8Array(size);
    survivor.set(this.#durable.content.subarray(0, size));
    const touched = touchedBy(this.#pending);
    const first = Math.floor(touched.start / SECTOR_BYTES) * SECTOR_BYTES;
    for (let start = first; start < Math.min(size, touched.end); start += SECTOR_BYTES) {
      const sector = survivor.subarray(start, start + SECTOR_BYTES);
      this.#changeSector(sector, start, choose, kept);
    }
    return survivor;
  }

  #change(change: Change): void {
    this.#content.apply(change);
    this.#pending.push(change);
  }

  #sizesSinceSync(): readonly number[] {
    const sizes = [this.#durable.size];
    let size = this.#durable.size;
    for (const change of this.#pending) {
      size = "bytes" in change ? Math.max(size, change.offset + change.bytes.length) : change.size;
      sizes.push(size);
    }
    return sizes;
  }

  /** Does to the durable sector some of what was done to it. `kept`: changes up to it are there if it was added. */
  #changeSector(sector: Bytes, start: number, choose: Choose, kept: number): void {
    const end = start + sector.length;
    const touching = this.#pending.filter((change) =>
      "bytes" in change
        ? change.offset < end && change.offset + change.bytes.length > start
        : change.size < end,
    );
    if (touching.length === 0) return;
    const least = end > this.#durable.size ? leading(touching, kept) : 0;
    const some = least + choose(touching.length + 1 - least);
    for (const change of touching.slice(0, some)) applyToSector(sector, start, end, change);
  }
}

/** The range outside of which the changes leave all as it is. */
function touchedBy(changes: readonly Change[]): { readonly start: number; readonly end: number } {
  const starts = changes.map((change) => ("bytes" in change ? change.offset : change.size));
  const ends = changes.map((change) =>
    "bytes" in change ? change.offset + change.bytes.length : Infinity,
  );
  return { start: Math.min(...starts), end: Math.max(...ends) };
}

/** How many of the changes, from the first on, are sure to be there. */
function leading(changes: readonly Change[], kept: number): number {
  const end = changes.findIndex(({ abandoned, id }) => id > kept || abandoned);
  return end === -1 ? changes.length : end;
}

function applyToSector(sector: Bytes, start: number, end: number, change: Change): void {
  if (!("bytes" in change)) {
    sector.fill(0, Math.max(0, change.size - start));
    return;
  }
  const from = Math.max(start, change.offset);
  const to = Math.min(end, change.offset + change.bytes.length);
  sector.set(change.bytes.subarray(from - change.offset, to - change.offset), from - start);
}
