/** Collections whose documents expire, on a simulated machine: time passes when a test says so. */
import { collection } from "kotobadb";
import type { SimulatedHost } from "kotobadb/testing";
import { z } from "zod";
import { turns } from "../../prove/kit/turns.ts";
import { here, variantsHere } from "../../support/elsewhere.ts";
import type { Target } from "../../support/elsewhere.ts";

export const SECOND = 1_000;
export const MINUTE: number = 60 * SECOND;
export const DAY: number = 24 * 60 * MINUTE;

export const kinds: readonly string[] = variantsHere(["memory", "lsm"], "elsewhere");
/** What open() takes for this kind of engine. */
export function targetOf(kind: string): Target {
  return here(kind === "memory" ? ":memory:" : "/home/expire/db");
}

export const Sessions = collection(
  "sessions",
  z.object({
    user: z.string(),
    lastSeen: z.date(),
    expiresAt: z.date().nullish(),
    kept: z.boolean().default(false),
  }),
  {
    indexes: {
      stale: { on: ["-lastSeen"], expire: "30d", where: { kept: false } },
      due: { on: ["expiresAt"], expire: true, include: ["user"] },
      byUser: { on: ["user"], unique: true },
      perUser: { count: true, by: ["user"] },
      all: { count: true },
    },
  },
);

/** The date on the host's clock, so many milliseconds from now. */
export function dateIn(host: SimulatedHost, millis = 0): Date {
  return new Date(host.clock.nowMillis() + millis);
}

/** Time passes, and whoever has waited for it has done its work. */
export async function pass(host: SimulatedHost, millis: number): Promise<void> {
  await host.timers.sleep(millis);
  await turns(60);
}

/** The warnings that are about documents that expire. */
export function warned(host: SimulatedHost): readonly string[] {
  return host.warnings.map(({ error, where }) => `${where}: ${String(error)}`);
}
