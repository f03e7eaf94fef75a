/** All proofs, in the order in which they are made. */
import type { Proof } from "./kit/proof.ts";
import { powerCuts } from "./power-cuts.ts";

export const proofs: readonly Proof[] = [powerCuts];
