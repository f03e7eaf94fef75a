/** All proofs, in the order in which they are made. */
import type { Proof } from "./kit/proof.ts";
import { coverage } from "./coverage.ts";
import { damage } from "./damage.ts";
import { fuzz } from "./fuzz.ts";
import { powerCuts } from "./power-cuts.ts";
import { kills } from "./processes.ts";
import { locks } from "./processes/locks.ts";
import { programs } from "./programs.ts";
import { realDisk } from "./real-disk.ts";
import { soak } from "./soak.ts";

export const proofs: readonly Proof[] = [powerCuts, HEAD, damage, coverage, fuzz, programs, ca4630f, test, prove, random, over, the, whole, public, API, beside, a, plain, model, kills, locks, realDisk, soak];
