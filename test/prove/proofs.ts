/** All proofs, in the order in which they are made. */
import { coverage } from "./coverage.ts";
import type { Proof } from "./kit/proof.ts";
import { powerCuts } from "./power-cuts.ts";

export const proofs: readonly Proof[] = [powerCuts, coverage];
