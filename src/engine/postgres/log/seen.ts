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

/**
 * As much of what is visible `now` as can be relied on, where the highest commits seen are just below `end`. Numbers above
 * were drawn by transactions that left nothing behind, and a server that crashes draws them again; those below a commit
 * that is on the disk it does not.
 */
export function seenBelow(now: Seen, end: bigint): Seen {
  return { end, missing: now.missing.filter((one) => one < end), further: [] };
}

/** What has been seen while the commits of one look are dealt with one after the other, whatever their numbers. */
export class Progress {
  readonly #before: Seen;
  readonly #now: Seen;
  /** Ascending; before #given[] all are given. */
  readonly #numbers: readonly bigint[];
  readonly #given = new Set<bigint>();
  #lowest = 0;
  #highest: bigint | undefined;
  #beyond: readonly bigint[] = [];

  /** `numbers`: of all that is visible now, was not seen before and is not above the highest of them. */
  constructor(before: Seen, now: Seen, numbers: readonly bigint[]) {
    this.#before = before;
    this.#now = now;
    this.#numbers = numbers.toSorted(byNumber);
  }

  /** The commit is dealt with; one that is none of the numbers stands above them. */
  give(number: bigint): Seen {
    const last = this.#numbers.at(-1);
    this.#given.add(number);
    if (last === undefined || number > last) this.#beyond = [...this.#beyond, number];
    else {
      if (this.#highest === undefined || number > this.#highest) this.#highest = number;
      while (this.#given.has(this.#numbers[this.#lowest] ?? -1n)) this.#lowest++;
    }
    const { end, further, missing } =
      this.#highest === undefined ? this.#before : seenUpTo(this.#before, this.#now, this.#highest);
    const left: bigint[] = [];
    for (let i = this.#lowest; i < this.#numbers.length && this.#numbers[i]! < end; i++)
      if (!this.#given.has(this.#numbers[i]!)) left.push(this.#numbers[i]!);
    return {
      end,
      missing: [...new Set([...missing, ...left])]
        .filter((one) => !this.#given.has(one))
        .toSorted(byNumber),
      further: [...further, ...this.#beyond.filter((one) => one >= end)].toSorted(byNumber),
    };
  }
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
