/**
 * How far a pass over the documents has come. Each batch of it leaves a row, in its own commit:
 *
 *   key    N 04 P documentKey   the last document of the batch, in the pass with the number P
 *   value  8 bytes: how many documents the pass has done so far, a big-endian integer
 *
 * The rows stay until the pass has ended.
 *
 * Always true:
 * (1) The pass has done a document if and only if a position stands at its key or behind it.
 * (2) Whoever asks has the answer in its read set: of a document that is done the keys from it to the first position
 *     behind, of one that is not all keys from it on. Positions are only added, further on, until the pass ends. So of the
 *     batches of a pass only the one that does the document is a conflict, and the end of the pass. (Where some of several
 *     documents are done and others are not, every batch is.)
 *
 * Worked example: pass 3 of collection 1 has done 512 documents, the last of them "ada": 01 04 03 11 616461 holds
 * 0000000000000200.
 */
import { andThen, compareBytes } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { KeyRange, ReadView } from "../../engine/contract/index.ts";
import { passPrefix } from "../catalog/keyspace.ts";
import { decodeAmount, encodeAmount } from "../tally/tally-cells.ts";

export interface Position {
  /** The last document that is done, as it stands behind the documents' prefix. */
  readonly place: Bytes;
  /** How many are done. */
  readonly documents: number;
}

export class Positions {
  readonly #prefix: Bytes;
  readonly #prefixLength: number;

  /** `documents`: the prefix of the documents' keys. */
  constructor(collection: number, pass: number, documents: Bytes) {
    this.#prefix = passPrefix(collection, pass);
    this.#prefixLength = documents.length;
  }

  get all(): KeyRange {
    return prefixRange(this.#prefix);
  }

  row(document: Bytes, documents: number): { readonly key: Bytes; readonly value: Bytes } {
    return { key: this.#keyOf(document), value: encodeAmount(documents) };
  }

  /** The last one; undefined where nothing is done. */
  last(view: ReadView): Awaitable<Position | undefined> {
    const scan = view.scan(this.all, { reverse: true, limit: 1 });
    return andThen(scan.next(), (page) => {
      scan.close();
      if (page.rows === 0) return undefined;
      const { buffer, keyEnd, keyStart, valueEnd, valueStart } = page;
      const place = buffer.slice(keyStart[0]! + this.#prefix.length, keyEnd[0]);
      const documents = Number(decodeAmount(buffer, valueStart[0]!, valueEnd[0]!));
      return { place, documents };
    });
  }

  /** Tells of each of these documents whether it is done. */
  done(view: ReadView, documents: readonly Bytes[]): Awaitable<(document: Bytes) => boolean> {
    const ordered = documents.toSorted(compareBytes);
    return andThen(this.#next(view, ordered.at(-1)!, "first"), (behindAll) => {
      if (behindAll !== undefined) return () => true;
      if (ordered.length === 1) return () => false;
      return andThen(this.#next(view, ordered[0]!, "last"), (last) => {
        if (last === undefined) return () => false;
        return (document) => compareBytes(this.#keyOf(document), last) <= 0;
      });
    });
  }

  /** The first, or the last, position at the document or behind it. */
  #next(view: ReadView, document: Bytes, which: "first" | "last"): Awaitable<Bytes | undefined> {
    const range = { start: this.#keyOf(document), end: this.all.end };
    const scan = view.scan(range, { reverse: which === "last", limit: 1, keysOnly: true });
    return andThen(scan.next(), (page) => {
      scan.close();
      return page.rows === 0 ? undefined : page.buffer.slice(page.keyStart[0], page.keyEnd[0]);
    });
  }

  #keyOf(document: Bytes): Bytes {
    const place = document.subarray(this.#prefixLength);
    const key = new Uint8Array(this.#prefix.length + place.length);
    key.set(this.#prefix);
    key.set(place, this.#prefix.length);
    return key;
  }
}
