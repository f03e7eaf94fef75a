/**
 * Ranges of documents for what a filter says about `id`.
 *
 * Filters compare ids as all strings, by code point; documents lie with the ULIDs first and the callers' own ids behind
 * them. So one interval of strings becomes up to two ranges, one in each part.
 *
 * Always true:
 * (1) The ranges hold exactly the documents whose ids are in the set, and rise without overlapping.
 */
import { concatBytes, nextKey, prefixEnd } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { documentKey, isUlid } from "../../collections/index.ts";
import { isEmptyRange } from "../../engine/contract/index.ts";
import { inOrder } from "./key-ranges.ts";
import type { Bound } from "./key-ranges.ts";
import { intervalText } from "./set-text.ts";
import type { Cut, ValueSet } from "./value-set.ts";

/** The lowest and the highest ULID, which show where the ULIDs begin and where the other ids do. */
const ULID_MIN = "0".repeat(26);
const ULID_MAX = `7${"Z".repeat(25)}`;
const ULID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_LENGTH = 26;

const utf8 = new TextEncoder();

/** The documents whose ids are in the set; the set has strings only. */
export function idBounds(documents: Bytes, set: ValueSet): readonly Bound[] {
  const bounds = set.flatMap((interval) => {
    const text = intervalText("id", interval);
    const ulids = {
      start: ulidCut(documents, interval.start),
      end: ulidCut(documents, interval.end),
    };
    const others = {
      start: otherCut(documents, interval.start),
      end: otherCut(documents, interval.end),
    };
    return [ulids, others]
      .filter((range) => !isEmptyRange(range))
      .map((range) => ({ range, text }));
  });
  return inOrder(bounds);
}

/** Where the cut is among the ULIDs. */
function ulidCut(documents: Bytes, cut: Cut): Bytes {
  const { place, side } = cut;
  const after = nextKey(documentKey(documents, ULID_MAX));
  if (place.kind === "class") return side === "before" ? documentKey(documents, ULID_MIN) : after;
  const first = firstUlidFrom(textAt(cut));
  return first === undefined ? after : documentKey(documents, first);
}

/** The lowest string beyond the cut. */
function textAt({ place, side }: Cut): string {
  const text = place.kind === "prefix" ? place.prefix : String((place as { value: unknown }).value);
  if (side === "before") return text;
  // Behind a value comes the value with U+0000; behind all strings of a prefix nothing comes before U+10FFFF.
  return place.kind === "prefix" ? `${text}\u{10ffff}` : `${text}\0`;
}

/** Where the cut is among the other ids, which lie as their UTF-8 bytes behind a tag. */
function otherCut(documents: Bytes, { place, side }: Cut): Bytes {
  const first = documentKey(documents, "a").subarray(0, documents.length + 1);
  if (place.kind === "class") return side === "before" ? first : prefixEnd(first)!;
  const text = place.kind === "prefix" ? place.prefix : String((place as { value: unknown }).value);
  const key = concatBytes(first, utf8.encode(text));
  if (side === "before") return key;
  return place.kind === "prefix" ? prefixEnd(key)! : nextKey(key);
}

/** The lowest ULID that is not below `text` by code point; undefined if all are below it. */
export function firstUlidFrom(text: string): string | undefined {
  if (isUlid(text)) return text;
  let kept = "";
  for (const character of text.slice(0, ULID_LENGTH)) {
    const rank = ULID_ALPHABET.indexOf(character);
    if (rank < 0 || (kept === "" && rank > 7)) {
      const higher = ULID_ALPHABET.split("").find((candidate) => candidate > character);
      const fits = higher !== undefined && (kept !== "" || higher <= "7");
      return fits ? filled(kept + higher) : filled(following(kept));
    }
    kept += character;
  }
  // The text goes on behind 26 characters, or is shorter and goes before all that begin with it.
  return text.length > ULID_LENGTH ? filled(following(kept)) : filled(kept);
}

/** The next text of the same length in the alphabet; undefined after the last. */
function following(text: string): string | undefined {
  for (let i = text.length - 1; i >= 0; i--) {
    const rank = ULID_ALPHABET.indexOf(text[i]!);
    const last = i === 0 ? 7 : 31;
    if (rank < last) return text.slice(0, i) + ULID_ALPHABET[rank + 1]!;
  }
  return undefined;
}

function filled(text: string | undefined): string | undefined {
  return text?.padEnd(ULID_LENGTH, "0");
}
