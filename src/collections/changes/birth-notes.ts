/**
 * What a feed must know of a commit and cannot see in its rows: which of the documents it wrote were not there before.
 * Where the engine keeps a log of its commits, each commit that writes documents of a collection carries a note of that
 * in the row N 03, which the next commit overwrites.
 *
 *   offset size what
 *   0      1    version of this format: 01
 *   1      1…4  how many documents the commit wrote or deleted, as an ordered number
 *   …      …    a bit for each of them in the order of keys, lowest bit first: 1 if it was not there before the commit
 *
 * Always true:
 * (1) A note is about the very commit that carries it, and counts every document that the commit writes or deletes.
 * (2) Notes are written blindly, so that they are no reason for a conflict.
 *
 * Worked example: a commit that updates "ada", then inserts "bob" and "cid" carries 01 03 06.
 */
import { compareBytes, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { WriteOp } from "../../engine/contract/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import { noteKey, orderedNumber, readOrderedNumber } from "../catalog/keyspace.ts";

const NOTE_VERSION = 0x01;

interface Touch {
  readonly key: Bytes;
  /** There was no such document when the transaction first wrote it. */
  readonly isBorn: boolean;
}

/** The notes of one collection. */
export class BirthNotes {
  readonly #key: Bytes;
  /** What each open transaction has touched, by the hex of the key. */
  readonly #touched = new WeakMap<Transaction, Map<string, Touch>>();

  constructor(collection: number) {
    this.#key = noteKey(collection);
  }

  /** The transaction writes or deletes a document; `existed` is what the transaction saw before. */
  wrote(tx: Transaction, key: Bytes, existed: boolean): void {
    let touched = this.#touched.get(tx);
    if (touched === undefined) {
      const all = new Map<string, Touch>();
      this.#touched.set(tx, (touched = all));
      tx.beforeCommit((): readonly WriteOp[] => [
        { op: "put", key: this.#key, value: encodeNote([...all.values()]), isNote: true },
      ]);
    }
    const name = hex(key, Infinity);
    // The first touch tells of the committed state; later ones see what this transaction has written.
    if (!touched.has(name)) touched.set(name, { key, isBorn: !existed });
  }
}

function encodeNote(touched: readonly Touch[]): Bytes {
  const inOrder = touched.toSorted((a, b) => compareBytes(a.key, b.key));
  const count = orderedNumber(inOrder.length);
  const note = new Uint8Array(1 + count.length + Math.ceil(inOrder.length / 8));
  note[0] = NOTE_VERSION;
  note.set(count, 1);
  for (let i = 0; i < inOrder.length; i++) {
    if (inOrder[i]!.isBorn) note[1 + count.length + (i >> 3)]! |= 1 << (i & 7);
  }
  return note;
}

/**
 * For each of `count` documents in the order of keys, whether it was not there before the commit.
 *
 * @throws CorruptionError where the note is about another number of documents.
 */
export function decodeNote(collection: string, note: Bytes, count: number): readonly boolean[] {
  const bitBytes = Math.ceil(count / 8);
  const start = note.length - bitBytes;
  const isWhole =
    note[0] === NOTE_VERSION && start > 1 && readOrderedNumber(note.subarray(1, start)) === count;
  if (!isWhole) {
    throw new CorruptionError({
      file: `note of a commit of ${collection}`,
      offset: 0,
      expected: `01, and a bit for each of ${count} documents`,
      found: hex(note),
    });
  }
  return Array.from({ length: count }, (_, i) => ((note[start + (i >> 3)]! >> (i & 7)) & 1) === 1);
}
