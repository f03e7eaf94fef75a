/**
 * One call fails or lies under the whole database: documents, indexes, unique keys, catalog, structures, in two versions
 * of one program. One writer, so that what a commit of unknown outcome did is known: the same seed did it in the clean
 * run, at the same place.
 */
import { StorageError } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { IoCall } from "kotobadb/testing";
import { checkSurvivor, History, textOf } from "../workload/check.ts";
import type { One, Version } from "../workload/collections.ts";
import { documentsOf, statesOf, Workload } from "../workload/workload.ts";
import type { Committed, Reader } from "../workload/workload.ts";
import type { Subject } from "./attack.ts";
import { bounded } from "./bounded.ts";
import {
  attackText,
  findsNoRoom,
  isLyingDisk,
  mayLoseUnseen,
  sureAfterLie,
  Watch,
} from "./kinds.ts";
import type { Attack } from "./kinds.ts";
import { assertHonestError } from "./outcome.ts";

const BATCHES = 3;
const TURNS_MAX = 40_000;

interface Promised {
  readonly acknowledged: number;
  readonly version: Version;
}

/** What the clean run of a seed called and committed. */
interface Clean {
  readonly calls: readonly IoCall[];
  readonly committed: readonly Committed[];
}
/** The latest one is kept: all attacks of a round are on one. */
let latest: { readonly seed: number; readonly clean: Promise<Clean> } | undefined;

function cleanOf(seed: number): Promise<Clean> {
  if (latest?.seed !== seed) latest = { seed, clean: runClean(seed) };
  return latest.clean;
}

async function runClean(seed: number): Promise<Clean> {
  const calls: IoCall[] = [];
  const host = new SimulatedHost({ seed, onCall: (call) => calls.push(call) });
  const run = new Run(host, seed);
  await run.live();
  const { committed, error } = run.workload;
  if (error !== undefined) throw error;
  return { calls, committed };
}

/** The workload, with what it promised, and a look at the answers when it opens and when it ends. */
class Run {
  readonly workload: Workload;
  readonly #host: SimulatedHost;
  readonly #attack: Attack | undefined;
  readonly #clean: readonly Committed[];
  /** Set with the attack: what was promised when it came. */
  watched: Watch<Promised> | undefined;
  /** The place of the commit of which nobody knows whether it took effect. */
  #unknownAt: number | undefined;

  constructor(
    host: SimulatedHost,
    seed: number,
    attack?: Attack,
    clean: readonly Committed[] = [],
  ) {
    this.workload = new Workload(host, seed, { lanes: 1 });
    this.#host = host;
    this.#attack = attack;
    this.#clean = clean;
    this.workload.watcher = {
      opened: (db) => this.#opened(db),
      closing: (db) => this.#closing(db),
    };
  }

  get #mayLose(): boolean {
    return this.#attack !== undefined && mayLoseUnseen(this.#attack.fault);
  }

  async live(): Promise<void> {
    await this.workload.run(1, BATCHES);
    this.#noteUnknown();
  }

  get promised(): Promised {
    const { committed, version } = this.workload;
    const count = committed.length;
    return { acknowledged: count - 1 === this.#unknownAt ? count - 1 : count, version };
  }

  /** All commits, with and without the one of which nobody knows. */
  get history(): SomeHistory {
    const { committed } = this.workload;
    const whole = historyOf(committed);
    const at = this.#unknownAt;
    if (at === undefined) return whole;
    const without = historyOf(committed.toSpliced(at, 1));
    const counted = (count: number): number => (count > at ? count + 1 : count);
    return {
      find: (text, version, fewest) => {
        const found = whole.find(text, version, fewest);
        if (found !== undefined) return found;
        const other = without.find(text, version, fewest > at ? fewest - 1 : fewest);
        return other === undefined ? undefined : counted(other);
      },
      difference: (text, version, fewest) => whole.difference(text, version, fewest),
    };
  }

  /** What it did follows from the clean run, which made the same commit at this place. */
  #noteUnknown(): void {
    const { committed, errors } = this.workload;
    const isUnknown = errors.some((e) => e instanceof StorageError && e.code === "CommitUnknown");
    const next = this.#clean[committed.length];
    if (!isUnknown || this.#unknownAt !== undefined || next === undefined) return;
    this.#unknownAt = committed.length;
    committed.push(next);
  }

  async #look(db: One, fewest: number): Promise<number> {
    const { version } = this.workload;
    const text = textOf(await documentsOf(db as unknown as Reader));
    return stateOf(this.history, text, version, fewest);
  }

  async #opened(db: One): Promise<void> {
    const { acknowledged } = this.promised;
    const told = this.#mayLose ? this.watched?.atFault?.acknowledged : undefined;
    const fewest = told === undefined ? acknowledged : sureAfterLie(this.#attack!, told, 1);
    const count = await this.#look(db, fewest);
    // What a lie lost unseen is gone from here on; judged by what was there when it was told, see outcome.ts.
    if (this.#mayLose) this.workload.forgetAfter(count);
  }

  async #closing(db: One): Promise<void> {
    if (this.workload.error === undefined) return;
    this.#noteUnknown();
    await this.#look(db, this.promised.acknowledged);
    if (this.#attack === undefined || !findsNoRoom(this.#attack)) return;
    this.#host.heal();
    const before = this.workload.errors.length;
    await this.workload.again();
    const { errors } = this.workload;
    if (errors.length > before)
      throw new Error(`there is room again, and ${String(errors.at(-1))}`);
    await this.#look(db, this.promised.acknowledged);
  }
}

type SomeHistory = Pick<History, "find" | "difference">;

function historyOf(committed: readonly Committed[]): History {
  const sequences = committed.map(({ sequence }) => sequence);
  return new History(sequences, statesOf(committed));
}

function stateOf(history: SomeHistory, text: string, version: Version, fewest: number): number {
  const count = history.find(text, version, fewest);
  if (count === undefined) throw new Error(history.difference(text, version, fewest));
  return count;
}

export const databaseSubject: Subject = {
  calls: async (seed) => (await cleanOf(seed)).calls,
  attack: async (seed, attack) => {
    const { committed } = await cleanOf(seed);
    const isLie = isLyingDisk(attack.fault);
    const host = new SimulatedHost({ seed });
    const run = new Run(host, seed, attack, committed);
    const { workload } = run;
    const after = { calls: (seed + attack.at.call * 7) % 60, seed: seed + attack.at.call };
    const watched = new Watch(host, attack, after, () => run.promised);
    run.watched = watched;
    await bounded(run.live(), TURNS_MAX, attackText(attack));
    for (const error of workload.errors) assertHonestError(error, isLie);
    const { history } = run;
    // After a lie the commits that it lost unseen are in no history from there on; what was shown before counts as seen.
    if (!isLie)
      for (const { documents, version } of workload.shown)
        stateOf(history, textOf(documents), version, 0);
    const { acknowledged = 0 } = watched.atFault ?? {};
    const judge = (disk: SimulatedHost, where: string, said: Promised, goesOn: boolean) => ({
      where,
      promised: said.acknowledged,
      check: async () => {
        const fewest = mayLoseUnseen(attack.fault)
          ? sureAfterLie(attack, acknowledged, 1)
          : said.acknowledged;
        const { version } = said;
        return checkSurvivor({ disk, where, version, fewest }, version, history, goesOn);
      },
    });
    const { later } = watched;
    return {
      host,
      errors: workload.errors,
      later: later && judge(later.disk, later.where, later.promised, false),
      judge: (disk, where, goesOn, fewest = 0) => {
        const { acknowledged: said, version } = run.promised;
        return judge(disk, where, { acknowledged: Math.max(fewest, said), version }, goesOn);
      },
    };
  },
};
