/** All proofs, in the order in which they are made. */
import type { Proof } from "./kit/proof.ts";
import { coverage } from "./coverage.ts";
import { damage } from "./damage.ts";
import { fuzz } from "./fuzz.ts";
import { powerCuts } from "./power-cuts.ts";
import { kills } from "./processes.ts";
import { locks } from "./processes/locks.ts";
import { realDisk } from "./real-disk.ts";
import { soak } from "./soak.ts";

export const proofs: readonly Proof[] = [
  powerCuts,
  damage,
  coverage,
  fuzz,
  kills,
  locks,
  realDisk,
  soak,
];
