/**
 * Where etcd is: KOTOBA_ETCD_BIN, else PATH. There is no npm package of it and tests install nothing, so where there is none
 * the tests that need it are skipped, and say so; also where CI is set.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** The program, or why there is none to be used. */
export type FoundEtcd = { readonly program: string } | { readonly missing: string };

/** @throws Where KOTOBA_ETCD_BIN names something that is no etcd of use: whoever sets it wants these tests. */
export function findEtcd(): FoundEtcd {
  const named = process.env["KOTOBA_ETCD_BIN"];
  const isNamed = named !== undefined && named !== "";
  const program = isNamed ? resolve(named) : "etcd";
  const problem = problemOf(program);
  if (problem === undefined) return { program };
  if (isNamed) throw new Error(`KOTOBA_ETCD_BIN=${named}: ${problem}`);
  return { missing: `${problem}; set KOTOBA_ETCD_BIN to the program of an etcd of 3.4 or later` };
}

/** Before 3.4 the gateway stood at another path. */
function problemOf(program: string): string | undefined {
  const asked = spawnSync(program, ["--version"], { encoding: "utf8" });
  if (asked.error !== undefined) return `there is no etcd to be run (${asked.error.message})`;
  const [, major, minor] = /etcd Version: (\d+)\.(\d+)/.exec(asked.stdout) ?? [];
  if (major === undefined) return "what is called etcd does not tell its version";
  const isOld = Number(major) < 3 || (Number(major) === 3 && Number(minor) < 4);
  return isOld ? `etcd ${major}.${minor} is too old` : undefined;
}
