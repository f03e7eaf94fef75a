/**
 * A memory engine at the other end of a bad line: what happens to each request is chosen from outside.
 *
 * A late request reaches the engine some moments after its sender was told that the answer is lost. There are two moments
 * in each later request: before the engine deals with it, and after, while its answer is on the way. So a late one can
 * come before a fence, between a fence and its answer, after that, and so on.
 */
import { overlaid } from "../../../src/base/index.ts";
import type { Awaitable, Bytes } from "../../../src/base/index.ts";
import { CONFLICT, StorageError, isTokenKey } from "../../../src/engine/contract/index.ts";
import type {
  BlindPlan,
  CommitPlan,
  EngineTransaction,
  StorageEngine,
} from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";

export type Request = "commit" | "batch" | "fence" | "cleaning" | "look";

/**
 * answered: all is well. refused: not done, and said so; forbidden: for good.
 * applied: done, and the answer is lost, be it a good one or not; unheard: only if it is a good one.
 * dropped: not done, and the answer is lost. late: done after so many moments. hung: never answered.
 * resent: done, and sent once more by the library below. behind: a look at a state from before all that.
 */
export type Fate =
  | "answered"
  | "applied"
  | "unheard"
  | "dropped"
  | "refused"
  | "forbidden"
  | "lost the race"
  | "resent"
  | "hung"
  | "behind"
  | { readonly late: number };

export const COMMIT_FATES: readonly Fate[] = [
  "answered",
  "applied",
  "dropped",
  { late: 1 },
  { late: 2 },
  { late: 3 },
  { late: 4 },
  { late: Infinity },
  "resent",
  "refused",
];
export const FENCE_FATES: readonly Fate[] = [
  "answered",
  "applied",
  "dropped",
  "refused",
  "lost the race",
  { late: 1 },
  { late: 2 },
  { late: Infinity },
  "hung",
];
export const LOOK_FATES: readonly Fate[] = [
  "answered",
  "refused",
  "lost the race",
  "behind",
  "hung",
];

export interface LossyOptions {
  readonly fateOf: (request: Request) => Fate;
  /** Called when a request hangs: time goes on. */
  readonly onHang?: () => void;
  readonly memory?: MemoryEngine;
  readonly readsAreFinal?: boolean;
}

export class LossyEngine {
  readonly memory: MemoryEngine;
  readonly engine: StorageEngine;
  /** What was asked and what became of it, in order. */
  readonly told: string[] = [];
  readonly #options: LossyOptions;
  #late: { left: number; readonly land: () => unknown }[] = [];

  constructor(options: LossyOptions) {
    this.#options = options;
    this.memory = options.memory ?? new MemoryEngine();
    this.engine = overlaid<StorageEngine>(this.memory, {
      name: "lossy",
      capabilities: {
        ...this.memory.capabilities,
        exclusive: false,
        answersMayBeLost: true,
        readsAreFinal: options.readsAreFinal ?? true,
      },
      begin: (begin) => this.#transaction(this.memory.begin(begin) as EngineTransaction),
      write: (plan) => this.#request(kindOf(plan), () => this.memory.write(plan), plan),
    });
  }

  /** What is still on its way arrives. */
  async landAll(): Promise<void> {
    for (const late of this.#late.splice(0)) await settled(late.land);
  }

  #transaction(inner: EngineTransaction): EngineTransaction {
    let isOnItsWay = false;
    return overlaid<EngineTransaction>(inner, {
      get: (key) => (isTokenKey(key) ? this.#look(inner, key) : inner.get(key)),
      commit: (plan) => {
        if (plan.ops.length === 0) return inner.commit(plan);
        isOnItsWay = true;
        return this.#request("commit", () => inner.commit(plan), plan);
      },
      // What was sent goes its way, whatever becomes of the sender.
      abort: () => {
        if (!isOnItsWay) inner.abort();
      },
    });
  }

  #look(inner: EngineTransaction, key: Bytes): Awaitable<Bytes | undefined> {
    return this.#request("look", () => inner.get(key), undefined);
  }

  async #request<T>(
    request: Request,
    send: () => Awaitable<T>,
    plan: CommitPlan | BlindPlan | undefined,
  ): Promise<T> {
    await this.#moment();
    const fate = this.#options.fateOf(request);
    this.told.push(`${request}: ${typeof fate === "string" ? fate : `late by ${fate.late}`}`);
    try {
      return await this.#befall(fate, send, plan);
    } finally {
      await this.#moment();
    }
  }

  async #befall<T>(
    fate: Fate,
    send: () => Awaitable<T>,
    plan: CommitPlan | BlindPlan | undefined,
  ): Promise<T> {
    switch (fate) {
      case "answered":
        return await send();
      case "applied":
        await settled(send);
        throw new StorageError("CommitUnknown");
      case "unheard":
        await send();
        throw new StorageError("CommitUnknown");
      case "dropped":
        throw new StorageError("CommitUnknown");
      case "refused":
        throw new StorageError("Unavailable");
      case "forbidden":
        throw new StorageError("NoPermission");
      case "lost the race":
        throw CONFLICT;
      case "resent":
        await send();
        return (await this.memory.write({ ops: plan!.ops, requires: plan!.requires })) as T;
      case "behind":
        return undefined as T;
      case "hung":
        this.#options.onHang?.();
        return await new Promise<T>(() => {});
      default:
        // The moment in which the sender is told is none of them.
        this.#late.push({ left: fate.late + 1, land: send });
        throw new StorageError("CommitUnknown");
    }
  }

  async #moment(): Promise<void> {
    const due = this.#late.filter((late) => --late.left <= 0);
    this.#late = this.#late.filter((late) => !due.includes(late));
    for (const { land } of due) await settled(land);
  }
}

/** Nobody hears the answer. */
async function settled(send: () => unknown): Promise<void> {
  try {
    await send();
  } catch {
    // Refused, as it may be.
  }
}

function kindOf({ ops }: BlindPlan): Request {
  const onTokens = ops.filter((op) => op.op !== "delRange" && isTokenKey(op.key));
  if (onTokens.length < ops.length) return "batch";
  return ops.every(({ op }) => op === "put") ? "fence" : "cleaning";
}
