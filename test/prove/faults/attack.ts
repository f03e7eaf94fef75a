/**
 * Makes one attack on one subject and judges all that it leaves: while it runs, after a power cut a little later, after
 * power cuts at the end, on the same machine without one, and after that again with one.
 */
import { KotobaError } from "kotobadb";
import type { IoCall, SimulatedHost } from "kotobadb/testing";
import { count } from "../kit/proof.ts";
import type { Counts } from "../kit/proof.ts";
import { attackText, isLyingDisk } from "./kinds.ts";
import type { Attack } from "./kinds.ts";
import { outcomeOfLie } from "./outcome.ts";

/** A disk and what it is held to. */
interface Judged {
  readonly where: string;
  /** So many commits were promised. */
  readonly promised: number;
  /** Throws what is wrong; gives how many commits are there. */
  readonly check: () => Promise<number>;
}

/** What a run under attack left. */
interface Aftermath {
  readonly host: SimulatedHost;
  readonly errors: readonly unknown[];
  /** A power cut while it ran. */
  readonly later: Judged | undefined;
  /** What this disk is held to now; at least `fewest` commits. */
  readonly judge: (disk: SimulatedHost, where: string, goesOn: boolean, fewest?: number) => Judged;
}

/** What is attacked. */
export interface Subject {
  /** The calls of a run in which nothing fails. */
  readonly calls: (seed: number) => Promise<readonly IoCall[]>;
  /** The same run under attack. Throws if an answer was wrong while it ran, or an error no error of ours. */
  readonly attack: (seed: number, attack: Attack) => Promise<Aftermath>;
}

export const UNIT = "judged states after single-call faults";

export async function attackAndJudge(
  subject: Subject,
  seed: number,
  attack: Attack,
  counts: Counts,
): Promise<void> {
  try {
    await judgeAll(subject, seed, attack, counts);
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    throw new Error(`${attackText(attack)}: ${reason}`, { cause });
  }
}

async function judgeAll(
  subject: Subject,
  seed: number,
  attack: Attack,
  counts: Counts,
): Promise<void> {
  const { errors, host, judge, later } = await subject.attack(seed, attack);
  if (host.faultsMet === 0) throw new Error("the fault never came: the run does not repeat");
  for (const { error } of host.warnings)
    if (!(error instanceof KotobaError))
      throw new Error(`a warning of an error without a type: ${String(error)}`, { cause: error });
  host.onCall = undefined;
  host.heal();
  const cutSeed = seed + attack.at.call;
  const way = attack.at.call % 2 === 0 ? "seeded" : "lost";
  const atEnd = [
    judge(host.afterPowerCut(way, cutSeed), `power cut at the end, ${way}`, false),
    judge(host.afterPowerCut("journal", cutSeed), "power cut at the end, journal", false),
  ];
  if (later !== undefined) atEnd.push(later);
  for (const one of atEnd) await hold(one, attack, counts);
  // The same machine: what a failed sync left in its cache is read, so it must have been made durable elsewhere.
  const there = await hold(judge(host, "opened again", isLyingDisk(attack.fault)), attack, counts);
  if (!isLyingDisk(attack.fault)) {
    const disk = host.afterPowerCut("lost", cutSeed);
    await hold(judge(disk, "opened again, then a power cut", true, there), attack, counts);
  }
  count(counts, `${attack.fault}${attack.isLasting ? " from then on" : ""}`);
  if (errors.length > 0) count(counts, "runs that ended with an error");
  if (host.warnings.length > 0) count(counts, "runs with warnings", 1);
}

async function hold(judged: Judged, attack: Attack, counts: Counts): Promise<number | undefined> {
  try {
    let there: number | undefined;
    if (isLyingDisk(attack.fault)) {
      const outcome = await outcomeOfLie(
        async () => (there = await judged.check()),
        judged.promised,
      );
      count(counts, `after a lie: ${outcome}`);
    } else there = await judged.check();
    count(counts, UNIT);
    return there;
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    throw new Error(`${judged.where}: ${reason}`, { cause });
  }
}
