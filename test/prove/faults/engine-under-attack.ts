/** One call fails or lies under the engine alone: cheap, with range deletes, flushes and compactions at every other step. */
import type { LsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { IoCall } from "kotobadb/testing";
import { checkSurvivor, stateShown, Workload } from "../../engine/lsm/workload.ts";
import type { State } from "../../engine/lsm/workload.ts";
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

/** Commits that one sync may cover. */
const GROUP_MAX = 3;
const STEPS = 7;
const TURNS_MAX = 20_000;

interface Promised {
  readonly acknowledged: number;
  readonly appended: number;
  readonly states: readonly State[];
}

/** Whether the first life, before which nothing is wrong, ends in good order on the host of the second one. */
export type Before = "closed" | "power cut";

interface Stage {
  /** Its calls are those that are attacked. */
  readonly host: SimulatedHost;
  readonly workload: Workload;
  readonly live: () => Promise<void>;
}

/** After "closed", both lives are attacked; after a power cut the recovery and all that follows. */
async function stage(seed: number, before: Before): Promise<Stage> {
  const host = new SimulatedHost({ seed });
  const workload = new Workload(host, seed);
  const live = async (): Promise<void> => {
    await workload.run(STEPS);
    if (before === "closed" && workload.errors.length === 0) await workload.run(STEPS);
  };
  if (before === "closed") return { host, workload, live };
  await workload.run(STEPS, "cut off");
  if (workload.errors.length > 0) throw workload.errors[0];
  const disk = host.crash("lost", seed);
  workload.moveTo(disk);
  return { host: disk, workload, live };
}

/** `plant`: changes the host before the engine sees it, for instance by a planted mistake. */
export const engineSubject = (
  before: Before,
  plant: (host: SimulatedHost) => void = () => undefined,
): Subject => ({
  calls: async (seed) => {
    const calls: IoCall[] = [];
    const { host, live, workload } = await stage(seed, before);
    host.onCall = (call) => calls.push(call);
    plant(host);
    watch(workload, host, undefined);
    await live();
    if (workload.errors.length > 0) throw workload.errors[0];
    return calls;
  },
  attack: async (seed, attack) => {
    const { host, live, workload } = await stage(seed, before);
    plant(host);
    const isLie = isLyingDisk(attack.fault);
    const promised = (): Promised => {
      const { acknowledged, appended, states } = workload;
      return { acknowledged, appended, states };
    };
    const after = { calls: (seed + attack.at.call * 7) % 60, seed: seed + attack.at.call };
    const watched = new Watch(host, attack, after, promised);
    watch(workload, host, attack, watched);
    await bounded(live(), TURNS_MAX, attackText(attack));
    for (const error of workload.errors) assertHonestError(error, isLie);
    const { acknowledged = 0 } = watched.atFault ?? {};
    const judge = (disk: SimulatedHost, where: string, said: Promised, goesOn: boolean) => {
      const fewest = mayLoseUnseen(attack.fault)
        ? sureAfterLie(attack, acknowledged, GROUP_MAX)
        : said.acknowledged;
      return {
        where,
        promised: said.acknowledged,
        check: () => checkSurvivor(disk, said.states, fewest, said.appended, goesOn),
      };
    };
    const { later } = watched;
    return {
      host,
      errors: workload.errors,
      later: later && judge(later.disk, later.where, later.promised, false),
      judge: (disk, where, goesOn, fewest = 0) => {
        const said = promised();
        const atLeast = Math.max(fewest, said.acknowledged);
        return judge(disk, where, { ...said, acknowledged: atLeast }, goesOn);
      },
    };
  },
});

/** Answers are held to what was promised all along; a disk that has room again takes writes through the same engine. */
function watch(
  workload: Workload,
  host: SimulatedHost,
  attack: Attack | undefined,
  watched?: Watch<Promised>,
): void {
  const isLie = attack !== undefined && mayLoseUnseen(attack.fault);
  let begun = 0;
  const look = async (engine: LsmEngine, fewest = workload.acknowledged): Promise<number> =>
    stateShown(engine, workload.states, fewest);
  workload.watcher = {
    opened: async (engine) => {
      // What a lie lost unseen is gone from here on; judged by what was there when it was told, see outcome.ts.
      const told = isLie ? watched?.atFault?.acknowledged : undefined;
      const newest = await look(engine, told && sureAfterLie(attack!, told, GROUP_MAX));
      if (isLie) workload.forgetAfter(newest);
      begun = newest;
    },
    stepped: async (engine, step) => {
      if (step % 3 === 1) await look(engine);
    },
    closing: async (engine) => {
      if (workload.errors.length === 0) return;
      await look(engine, Math.max(begun, workload.acknowledged));
      if (attack === undefined || !findsNoRoom(attack)) return;
      host.heal();
      const before = workload.errors.length;
      await workload.commit(engine);
      if (workload.errors.length > before)
        throw new Error(`there is room again, and ${String(workload.errors.at(-1))}`);
      await look(engine);
    },
  };
}
