/**
 * Which commits somebody has seen, by the numbers of their transactions: what a version of a log on the server says.
 *
 * Commits do not become visible in the order of their numbers, so "all up to n" would say too much of those that are still
 * under way, or too little. What is seen is therefore what the server's own snapshots say: all below `end` but those that
 * are missing; and further ones, which a transaction's own number can be.
 *
 * As text: the end; then, each only where there are some, "-" and the missing ones, "+" and the further ones.
 *
 *   105            all below 105
 *   105-99,101     all below 105 but 99 and 101
 *   105+107        all below 105, and 107
 *
 * Always true:
 * (1) What is missing is below `end`, what is further is not; both ascend.
 * (2) Equal texts mean the same commits.
 */
import type { Version } from "../../contract/index.ts";

export interface Seen {
  readonly end: bigint;
  readonly missing: readonly bigint[];
  readonly further: readonly bigint[];
}

/** Of the server's text of a snapshot, "xmin:xmax:under way,…"; `own`: and of the transaction that asked. */
export function seenIn(snapshot: string, own?: bigint): Seen {
  const [, end = "0", underWay = ""] = snapshot.split(":");
  const seen = { end: BigInt(end), missing: numbersOf(underWay), further: [] };
  return own === undefined ? seen : withOne(seen, own);
}

function withOne({ end, further, missing }: Seen, one: bigint): Seen {
  if (one < end) return { end, missing: missing.filter((number) => number !== one), further };
  if (one === end && further.length === 0) return { end: end + 1n, missing, further };
  return { end, missing, further: [...further, one].toSorted(byNumber) };
}

export function isSeen({ end, further, missing }: Seen, number: bigint): boolean {
  return number < end ? !missing.includes(number) : further.includes(number);
}

/**
 * What has been seen by whoever saw `before`, and since then, in order, all commits up to `number` that are visible `now`.
 */
export function seenUpTo(before: Seen, now: Seen, number: bigint): Seen {
  const end = before.end > number ? before.end : number + 1n;
  const further = before.further.filter((one) => one >= end);
  const missing = [
    ...now.missing.filter((one) => one <= number && !isSeen(before, one)),
    ...before.missing.filter((one) => one > number),
  ];
  return { end, missing, further };
}

export function versionOf({ end, further, missing }: Seen): Version {
  const list = (sign: string, numbers: readonly bigint[]): string =>
    numbers.length === 0 ? "" : `${sign}${numbers.join(",")}`;
  return `${end}${list("-", missing)}${list("+", further)}` as Version;
}

/** Undefined where the text is none that versionOf() gives. */
export function seenOf(version: Version): Seen | undefined {
  const parts = /^(\d{1,20})(?:-([\d,]+))?(?:\+([\d,]+))?$/.exec(version);
  if (parts === null) return undefined;
  const seen = {
    end: BigInt(parts[1]!),
    missing: numbersOf(parts[2] ?? ""),
    further: numbersOf(parts[3] ?? ""),
  };
  return versionOf(seen) === version ? seen : undefined;
}

/** The lowest number that is not seen: what a log must still hold. */
export function firstUnseen({ end, missing }: Seen): bigint {
  return missing[0] ?? end;
}

function numbersOf(text: string): readonly bigint[] {
  if (text === "") return [];
  return text
    .split(",")
    .filter((number) => number !== "")
    .map(BigInt)
    .toSorted(byNumber);
}

function byNumber(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
