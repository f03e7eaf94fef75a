/** The order of ids: ULIDs by time, then the callers' own by code point; the order of document keys. */
import { compareStrings, isUlid } from "../collections/index.ts";

export function compareIds(a: string, b: string): number {
  const ulidA = isUlid(a);
  if (ulidA !== isUlid(b)) return ulidA ? -1 : 1;
  return compareStrings(a, b);
}
