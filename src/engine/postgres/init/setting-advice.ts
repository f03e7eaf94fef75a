/** Which settings of the server should be others, and why. Pure but for one question. */
import type { Ask } from "../table/index.ts";

export interface SettingAdvice {
  readonly setting: string;
  readonly found: string;
  readonly advised: string;
  readonly why: string;
}

interface Wanted {
  readonly advised: string;
  readonly why: string;
  isFine(found: string): boolean;
}

const atLeast = (least: number, why: string): Wanted => ({
  advised: String(least),
  why,
  isFine: (found) => Number(found) >= least,
});
const notOff = (why: string): Wanted => ({
  advised: "on",
  why,
  isFine: (found) => found !== "off",
});
const CONFLICTS = "transactions that read much conflict with others for nothing";
const LOSSES = "what was acknowledged can be lost when the server's machine fails";

/** As docs/SCALING.md advises. */
const WANTED: Readonly<Record<string, Wanted>> = {
  max_pred_locks_per_transaction: atLeast(2_048, CONFLICTS),
  max_pred_locks_per_relation: atLeast(4_096, CONFLICTS),
  max_pred_locks_per_page: atLeast(8, CONFLICTS),
  fsync: notOff(LOSSES),
  full_page_writes: notOff(LOSSES),
  synchronous_commit: notOff(LOSSES),
};

export async function settingsOf(ask: Ask): Promise<ReadonlyMap<string, string>> {
  const names = ["server_version", ...Object.keys(WANTED)].map((name) => `'${name}'`);
  const rows = await ask(
    `select name, current_setting(name) as value from unnest(array[${names.join(",")}]) s(name)`,
  );
  return new Map(rows.map((row) => [String(row["name"]), String(row["value"])]));
}

export function adviceFor(settings: ReadonlyMap<string, string>): readonly SettingAdvice[] {
  return Object.entries(WANTED).flatMap(([setting, wanted]) => {
    const found = settings.get(setting)!;
    const { advised, why } = wanted;
    return wanted.isFine(found) ? [] : [{ setting, found, advised, why }];
  });
}
