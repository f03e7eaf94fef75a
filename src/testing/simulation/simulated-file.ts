/**
 * One file of the simulated disk: what is on the platter, what programs see, and the changes between the two.
 *
 * Always true:
 * (1) `content` is what reads give: all changes, in order.
 * (2) `durable` is what a power cut keeps for sure: the changes that a successful sync covered.
 * (3) After a power cut each sector of 512 bytes holds the durable bytes with the first k of its pending changes, for
 *     some k of its own: sectors are written in any order, each whole or not at all. The size is one of those that the
 *     file had since the last sync; sectors that were never written read as zeros.
 * (4) Changes that a failed sync covered are never made durable by a later one, though reads still show them: this is
 *     what Linux does after it reported a write error once.
 */
import { copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

const SECTOR_BYTES = 512;

/** Gives a whole number in [0, choices), the same for the same seed. */
export type Choose = (choices: number) => number;

type Change =
  | { readonly id: number; readonly offset: number; readonly bytes: Bytes; abandoned: boolean }
  | { readonly id: number; readonly size: number; abandoned: boolean };

/** Bytes that grow by doubling; what lies beyond `size` is zero. */
class Image {
  bytes: Bytes;
  size: number;

  constructor(content: Bytes) {
    this.bytes = copyBytes(content);
    this.size = content.length;
  }

  write(source: Bytes, offset: number): void {
    this.#reserve(offset + source.length);
    this.bytes.set(source, offset);
    this.size = Math.max(this.size, offset + source.length);
  }

  resize(size: number): void {
    this.#reserve(size);
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  apply(change: Change): void {
    if ("bytes" in change) this.write(change.bytes, change.offset);
    else this.resize(change.size);
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, SECTOR_BYTES));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

export class SimulatedFile {
  readonly #content: Image;
  readonly #durable: Image;
  #pending: Change[] = [];
  #lastId = 0;

  constructor(durable: Bytes) {
    this.#content = new Image(durable);
    this.#durable = new Image(durable);
  }

  get size(): number {
    return this.#content.size;
  }

  /** The bytes that reads give; valid until the next change. */
  get content(): Bytes {
    return this.#content.bytes.subarray(0, this.#content.size);
  }

  write(source: Bytes, offset: number): void {
    this.#change({ id: ++this.#lastId, offset, bytes: copyBytes(source), abandoned: false });
  }

  truncate(size: number): void {
    this.#change({ id: ++this.#lastId, size, abandoned: false });
  }

  /** What a sync that begins at this moment covers: hand it to harden or abandon. */
  get covered(): number {
    return this.#lastId;
  }

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
    if (choose === undefined) return copyBytes(this.#durable.bytes, 0, this.#durable.size);
    const sizes = this.#sizesSinceSync();
    const survivor = new Uint8Array(sizes[choose(sizes.length)]!);
    for (let start = 0; start < survivor.length; start += SECTOR_BYTES) {
      const end = Math.min(start + SECTOR_BYTES, survivor.length);
      survivor.set(this.#sectorAfterPowerCut(start, end, choose), start);
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

  #sectorAfterPowerCut(start: number, end: number, choose: Choose): Bytes {
    const sector = new Uint8Array(end - start);
    if (start < this.#durable.size) {
      sector.set(this.#durable.bytes.subarray(start, Math.min(end, this.#durable.size)));
    }
    const touching = this.#pending.filter((change) =>
      "bytes" in change
        ? change.offset < end && change.offset + change.bytes.length > start
        : change.size < end,
    );
    if (touching.length === 0) return sector;
    const kept = choose(touching.length + 1);
    for (const change of touching.slice(0, kept)) applyToSector(sector, start, end, change);
    return sector;
  }
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
