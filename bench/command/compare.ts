/**
 * Whether a change is slower than its base, from interleaved rounds of both. A workload counts as slower when all three
 * hold, so that neither a busy minute nor a lucky round decides alone:
 * (1) its median is worse by more than the tolerance,
 * (2) its best round is worse by more than the tolerance than the base's best: noise only ever adds time, so best rounds
 *     are what a quiet machine would show,
 * (3) the rank-sum test says that rounds would hardly fall apart like this by chance.
 * A first look asks (3) for one chance in a hundred, each workload by itself; whatever it suspects is measured for as many
 * rounds again, and all rounds together must then be such as happen by chance less than once in twenty runs of the whole
 * check, all its workloads together (Bonferroni).
 * Processor time an operation is compared beside the rate: it moves less on a shared machine, and the rate sees what
 * waits.
 */
import { chanceOfLower, spreadOf } from "../kit/index.ts";
import type { Better, Measurement } from "../kit/index.ts";

export interface Figures {
  readonly name: string;
  readonly better: Better;
  readonly tolerance: number;
  readonly base: readonly number[];
  readonly change: readonly number[];
}
export interface Compared extends Figures {
  /** Above 1: the change is better. */
  readonly ratio: number;
  readonly bestRatio: number;
  /** That rounds would fall apart like this by chance. */
  readonly chance: number;
  readonly isSlower: boolean;
}

/** Of all workloads of a run together, at the second look. */
const ALARMS_PER_RUN = 0.05;
/** Of each workload, at the first look. */
const SUSPECT_CHANCE = 0.01;
/** With fewer, even rounds that fall apart entirely do so by chance too often to be suspected. */
export const ROUNDS_MIN = 5;

const RATE_TOLERANCE = 0.08;
const CPU_TOLERANCE = 0.05;
/** What is not a rate (room, stalls, opening) is known less exactly. */
const VALUE_TOLERANCE = 0.15;

export function firstLook(figures: readonly Figures[]): Compared[] {
  return compare(figures, SUSPECT_CHANCE);
}

/** `figures` of all rounds, those of the first look among them; `count`: how many were looked at then. */
export function secondLook(figures: readonly Figures[], count: number): Compared[] {
  return compare(figures, ALARMS_PER_RUN / count);
}

function compare(figures: readonly Figures[], chanceMax: number): Compared[] {
  return figures.map((one) => {
    const { base, better, change, tolerance } = one;
    const isMore = better === "higher";
    const ratioOf = (ours: number, theirs: number): number =>
      isMore ? ours / theirs : theirs / ours;
    const best = (values: readonly number[]): number =>
      isMore ? spreadOf(values).max : spreadOf(values).min;
    const ratio = ratioOf(spreadOf(change).median, spreadOf(base).median);
    const bestRatio = ratioOf(best(change), best(base));
    const chance = isMore ? chanceOfLower(change, base) : chanceOfLower(base, change);
    const isSlower = ratio < 1 - tolerance && bestRatio < 1 - tolerance && chance < chanceMax;
    return { ...one, ratio, bestRatio, chance, isSlower };
  });
}

/** What there is to compare: of every workload that both have in every round its figure, and its processor time. */
export function figuresOf(
  base: readonly (readonly Measurement[])[],
  change: readonly (readonly Measurement[])[],
): Figures[] {
  return (base[0] ?? []).flatMap(({ better, suite, unit, workload }) => {
    const name = `${suite}, ${workload}`;
    const find = (rounds: readonly (readonly Measurement[])[]): Measurement[] =>
      rounds.flatMap(
        (round) => round.find((one) => one.suite === suite && one.workload === workload) ?? [],
      );
    const [before, after] = [find(base), find(change)];
    if (before.length !== base.length || after.length !== change.length) return [];
    const valuesOf = (all: readonly Measurement[]): number[] => all.map(({ value }) => value);
    const tolerance = unit === "ops/s" ? RATE_TOLERANCE : VALUE_TOLERANCE;
    const figure = { name, better, tolerance, base: valuesOf(before), change: valuesOf(after) };
    const [cpuBefore, cpuAfter] = [before.flatMap(cpuMicrosOf), after.flatMap(cpuMicrosOf)];
    if (cpuBefore.length !== before.length || cpuAfter.length !== after.length) return [figure];
    const cpu: Figures = {
      name: `${name}, CPU`,
      better: "lower",
      tolerance: CPU_TOLERANCE,
      base: cpuBefore,
      change: cpuAfter,
    };
    return [figure, cpu];
  });
}

function cpuMicrosOf({ cpuSeconds, unit, value, wallSeconds }: Measurement): number[] {
  if (unit !== "ops/s" || cpuSeconds === undefined || wallSeconds === undefined) return [];
  return [(cpuSeconds * 1e6) / (value * wallSeconds)];
}

export function comparisonText(compared: readonly Compared[]): string {
  const width = Math.max(...compared.map(({ name }) => name.length));
  const lines = compared.map(({ bestRatio, chance, isSlower, name, ratio }) => {
    const figures = [ratio.toFixed(2), bestRatio.toFixed(2), chance.toPrecision(2)];
    const mark = isSlower ? "  SLOWER" : "";
    return `${name.padEnd(width)}  ${figures.map((one) => one.padStart(9)).join("")}${mark}`;
  });
  const head = `${"change to base, above 1: quicker".padEnd(width)}     median     best   chance`;
  return [head, ...lines].join("\n");
}
