/** All proofs, in the order in which they are made. */
import { coverage } from "./coverage.ts";
import { damage } from "./damage.ts";
import { faults } from "./faults.ts";
import { fuzz } from "./fuzz.ts";
import type { Proof } from "./kit/proof.ts";
import { histories } from "./histories.ts";
import { planted } from "./planted.ts";
import { powerCuts } from "./power-cuts.ts";
import { kills } from "./processes.ts";
import { locks } from "./processes/locks.ts";
import { programs } from "./programs.ts";
import { queries } from "./queries.ts";
import { realDisk } from "./real-disk.ts";
import { soak } from "./soak.ts";

export const proofs: readonly Proof[] = [
  powerCuts,
  faults,
  damage,
  programs,
  queries,
  histories,
  kills,
  locks,
  realDisk,
  fuzz,
  soak,
  coverage,
  planted,
];
