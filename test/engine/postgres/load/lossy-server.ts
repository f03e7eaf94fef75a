/**
 * A server in memory to which a line leads that loses answers, and requests, or lets them arrive when they are long given
 * up. What becomes of a request is said by its fate.
 */
import { hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import {
  CONFLICT,
  RequirementFailed,
  StorageError,
  isTokenKey,
  requirementHolds,
} from "../../../../src/engine/contract/index.ts";
import type { BlindPlan, Requirement, WriteOp } from "../../../../src/engine/contract/index.ts";
import type { CopiedPiece } from "../../../../src/engine/postgres/load/index.ts";
import { rowsOfCopy } from "./copy-reader.ts";

/** late: given up by the program, and done by the server behind one, or behind so many, of the requests that follow. */
export type Fate = "done" | "unanswered" | "lost" | "refused" | "late" | "later";

const LATER_REQUESTS = 3;

interface Late {
  readonly request: () => void;
  left: number;
}

export class LossyServer {
  readonly rows = new Map<string, Bytes>();
  /** A mistake for tests to plant: the server does not look at what is required of tokens. */
  forgetsTokens = false;
  #late: Late[] = [];
  readonly #fates: Iterator<Fate>;

  /** When there are no fates left, all is well. */
  constructor(fates: Iterable<Fate>) {
    this.#fates = fates[Symbol.iterator]();
  }

  copy(piece: CopiedPiece): Promise<void> {
    return this.#send(() => {
      const given = rowsOfCopy(piece.copied);
      this.#check(piece.requires);
      if (given.some(([key]) => this.rows.has(hex(key)))) throw CONFLICT;
      const puts = given.map(([key, value]): WriteOp => ({ op: "put", key, value }));
      this.#apply(puts);
    });
  }

  write({ ops, requires }: BlindPlan): Promise<void> {
    const kept = structuredClone(ops);
    return this.#send(() => {
      this.#check(requires);
      this.#apply(kept);
    });
  }

  /** All that is still on its way arrives. */
  arrive(): void {
    for (const { request } of this.#late.splice(0)) attempt(request);
  }

  async #send(request: () => void): Promise<void> {
    await Promise.resolve();
    const fate = this.#fates.next().value ?? "done";
    if (fate === "refused") throw new StorageError("Unavailable");
    if (fate === "done") request();
    else if (fate === "unanswered") attempt(request);
    else if (fate !== "lost")
      this.#late.push({ request, left: fate === "late" ? 1 : LATER_REQUESTS });
    for (const one of this.#late) if (one.left-- === 0) attempt(one.request);
    this.#late = this.#late.filter(({ left }) => left >= 0);
    if (fate !== "done") throw new StorageError("CommitUnknown");
  }

  #check(requires: readonly Requirement[]): void {
    for (const one of requires) {
      if (this.forgetsTokens && isTokenKey(one.key)) continue;
      if (!requirementHolds(one, this.rows.get(hex(one.key)))) throw new RequirementFailed(one.key);
    }
  }

  #apply(ops: readonly WriteOp[]): void {
    for (const op of ops) {
      if (op.op === "put") this.rows.set(hex(op.key), op.value);
      else if (op.op === "del") this.rows.delete(hex(op.key));
      else throw new Error(op.op);
    }
  }
}

/** Nobody hears of it. */
function attempt(request: () => void): void {
  try {
    request();
  } catch {
    // Refused.
  }
}
