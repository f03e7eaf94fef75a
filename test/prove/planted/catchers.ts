/** Who looks for planted defects: checkers of other proofs, with an effort that is bounded. */
import { openLsmEngine } from "kotobadb/engine";
import type { StorageEngine } from "kotobadb/engine";
import { checkHistory, runContract, SimulatedHost } from "kotobadb/testing";
import { record as recordHistory } from "../histories/draw.ts";
import type { Drawn } from "../histories/draw.ts";
import { TINY } from "../../engine/lsm/support.ts";
import { record as recordCuts } from "../power-cuts.ts";
import { checkSurvivor } from "../workload/check.ts";
import type { Planting } from "./defect.ts";

/** What was noticed, in words; undefined if nothing was. */
type Catcher = (planting: Planting) => Promise<string | undefined>;

/** Histories of one kind, one seed after the other. */
function histories(
  of: Drawn["of"],
  kind: Drawn["kind"],
  trouble: Drawn["trouble"],
  seeds: number,
): Catcher {
  return async (planting) => {
    for (let seed = 1; seed <= seeds; seed++) {
      try {
        const { history } = await recordHistory({ of, kind, trouble }, seed, planting);
        const { ok, text } = checkHistory(history);
        if (!ok) return text;
      } catch (error) {
        return wordsOf(error);
      }
    }
    return undefined;
  };
}

async function contract({ engine = (one) => one, make }: Planting): Promise<string | undefined> {
  const open = async (): Promise<StorageEngine> =>
    make?.() ?? engine(await openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY }));
  const { failed } = await runContract(open, { caseMillisMax: 3_000 });
  return failed.length === 0 ? undefined : failed.map(({ name }) => name).join("\n");
}

/** The power fails at every change of the disk, and what survives is opened. */
async function powerCuts({ engine, host: wrong }: Planting): Promise<string | undefined> {
  for (const seed of [31, 32]) {
    const host = new SimulatedHost({ seed });
    wrong?.(host);
    try {
      const { cuts, history } = await recordCuts(
        seed,
        { lives: 1, batches: 6, tearings: 1 },
        { host, ...(engine === undefined ? {} : { plant: engine }) },
      );
      for (const cut of cuts) {
        try {
          await checkSurvivor(cut, cut.version, history, false);
        } catch (error) {
          return `${cut.where}: ${wordsOf(error)}`;
        }
      }
    } catch (error) {
      return wordsOf(error);
    }
  }
  return undefined;
}

/** A copy of a database is made while it works; it must hold what was committed before, also after a power cut. */
async function copies({ engine: wrong = (one) => one }: Planting): Promise<string | undefined> {
  const host = new SimulatedHost({ seed: 5 });
  const engine = wrong(await openLsmEngine({ path: "/db", host, ...TINY }));
  const encoder = new TextEncoder();
  const keyOf = (i: number): Uint8Array => encoder.encode(`key ${i}`);
  try {
    for (let copy = 0, rows = 0; copy < 5; copy++) {
      for (const more = rows + 17 * (copy + 1); rows < more; rows++) {
        const put = {
          op: "put",
          key: keyOf(rows),
          value: encoder.encode("v".repeat(rows)),
        } as const;
        await engine.write({ ops: [put], requires: [] });
      }
      await engine.checkpoint!(`/copy-${copy}`);
      const disk = host.afterPowerCut("lost");
      const copied = await openLsmEngine({ path: `/copy-${copy}`, host: disk, ...TINY });
      const view = copied.snapshot();
      for (let i = 0; i < rows; i++) {
        const found = await view.get(keyOf(i));
        if (found?.length !== i)
          return `copy ${copy} of ${rows} rows has row ${i} as ${found?.length}`;
      }
      view.close();
      await copied.close();
    }
    await engine.close();
  } catch (error) {
    return wordsOf(error);
  }
  return undefined;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const catchers = {
  "the contract suite": contract,
  "histories of rows": histories("rows", "tiny", "none", 6),
  "histories of rows on a slow disk": histories("rows", "slow", "none", 8),
  "histories of rows with power cuts": histories("rows", "tiny", "power cuts", 12),
  "histories of documents": histories("documents", "tiny", "none", 5),
  "power cuts": powerCuts,
  copies,
} satisfies Record<string, Catcher>;
export type CatcherName = keyof typeof catchers;
