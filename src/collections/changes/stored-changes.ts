/** A commit of the engine's log as what it did to the documents of one collection. */
import { compareBytes, equalBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { changesTooOld, rangeContains, rangesOverlap } from "../../engine/contract/index.ts";
import type { ChangeSet, WriteOp } from "../../engine/contract/index.ts";
import { noteKey } from "../catalog/keyspace.ts";
import type { Document } from "../document/document.ts";
import type { StoredCollection } from "../stored-collection.ts";
import { decodeNote } from "./birth-notes.ts";

export interface StoredChange {
  readonly type: "insert" | "update" | "delete";
  readonly id: string;
  /** The document as the commit stored it; absent of a delete. */
  readonly after?: Document;
}

type DocumentOp = Extract<WriteOp, { readonly op: "put" | "del" }>;

/**
 * The changes in the order of keys, each document once; none for one that the same commit made and deleted.
 *
 * @throws StorageError 'TooOld' for a commit that cannot be told document by document: it was made while no log was
 *   kept, or deleted documents as a range.
 */
export function storedChanges(
  collection: StoredCollection,
  { ops, version }: ChangeSet,
): readonly StoredChange[] {
  const { documents, number } = collection.layout;
  const ownNote = noteKey(number);
  const found: DocumentOp[] = [];
  let note: Bytes | undefined;
  for (const op of ops) {
    if (op.op === "delRange") {
      if (rangesOverlap(op.range, documents)) throw untold(collection.name, version);
    } else if (op.op !== "merge") {
      if (rangeContains(documents, op.key)) found.push(op);
      else if (op.op === "put" && equalBytes(op.key, ownNote)) note = op.value;
    }
  }
  if (found.length === 0) return [];
  if (note === undefined) throw untold(collection.name, version);
  const born = decodeNote(collection.name, note, found.length);
  return found
    .toSorted((a, b) => compareBytes(a.key, b.key))
    .map((op, i) => change(collection, op, born[i]!))
    .filter((told) => told !== undefined);
}

function change(
  collection: StoredCollection,
  op: DocumentOp,
  isBorn: boolean,
): StoredChange | undefined {
  const id = collection.idOfKey(op.key);
  if (op.op === "del") return isBorn ? undefined : { type: "delete", id };
  const after = collection.decodeValue(id, op.value, 0, op.value.length);
  return { type: isBorn ? "insert" : "update", id, after };
}

function untold(collection: string, version: string): Error {
  return changesTooOld({ collection, version });
}
