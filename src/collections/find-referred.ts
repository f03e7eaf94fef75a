/** The document that a unique index's entry refers to: two lookups, or one round trip where each would cost one. */
import { andThen, nextKey } from "../base/index.ts";
import type { Awaitable, Bytes } from "../base/index.ts";
import type { ReadView } from "../engine/contract/index.ts";
import type { FullView } from "../transaction/index.ts";
import type { Document } from "./document/document.ts";
import type { StoredCollection } from "./stored-collection.ts";

/** A view that may say that each of its lookups is a round trip, and then can follow references by itself. */
export type LookupView = ReadView & Partial<Pick<FullView, "remote">>;

export function findReferred(
  view: LookupView,
  stored: StoredCollection,
  entryKey: Bytes,
): Awaitable<Document | undefined> {
  if (view.remote === true && view.scanRefs !== undefined) return inOneTrip(view, stored, entryKey);
  return andThen(view.get(entryKey), (value) => {
    if (value === undefined) return undefined;
    const id = stored.referredId(value, 0, value.length);
    return view.read(stored.keyOf(id), (values, start, end) =>
      stored.decodeValue(id, values, start, end),
    );
  });
}

function inOneTrip(
  view: LookupView,
  stored: StoredCollection,
  start: Bytes,
): Awaitable<Document | undefined> {
  const scan = view.scanRefs!({ start, end: nextKey(start) }, { limit: 1 });
  return andThen(scan.next(), ({ found }) => {
    scan.close();
    const at = found.rows === 0 ? -1 : found.valueStart[0]!;
    if (at < 0) return undefined;
    const { buffer, keyEnd, keyStart, valueEnd } = found;
    return stored.decode(buffer, keyStart[0]!, keyEnd[0]!, buffer, at, valueEnd[0]!);
  });
}
