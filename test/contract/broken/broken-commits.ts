/** Defects of commits and handles: what is applied, when, and what is told of it (laws 5, 7, 8, 10 and 11). */
import { andThen, equalBytes, nextKey } from "../../../src/base/index.ts";
import type { Awaitable, Bytes } from "../../../src/base/index.ts";
import {
  CONFLICT,
  RequirementFailed,
  StorageError,
  rangeContains,
} from "../../../src/engine/contract/index.ts";
import type {
  BeginOptions,
  CommitListener,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  Requirement,
  Version,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { WrappedEngine } from "./wrapped-engine.ts";
import type {
  PlainTransaction,
  PlainView,
  WrappedTransaction,
  WrappedView,
} from "./wrapped-engine.ts";

type Plan = CommitPlan;
type Transaction = WrappedTransaction | undefined;

/** A defect that commits another plan than it was given. */
function plans(change: (plan: Plan, engine: WrappedEngine, of: Transaction) => Partial<Plan>) {
  return (): WrappedEngine =>
    new (class extends WrappedEngine {
      override plan(plan: Plan, transaction: Transaction): Plan {
        if (transaction?.ended === true) return plan;
        return { ...plan, ...change(plan, this, transaction) };
      }
    })();
}

/** A defect around the commit itself. */
function commits(
  around: (
    engine: WrappedEngine,
    plan: Plan,
    commit: () => Awaitable<CommitResult>,
  ) => Awaitable<CommitResult>,
) {
  return (): WrappedEngine =>
    new (class extends WrappedEngine {
      override apply(plan: Plan, transaction: Transaction): Awaitable<CommitResult> {
        if (transaction?.ended === true) return super.apply(plan, transaction);
        return around(this, plan, () => super.apply(plan, transaction));
      }
    })();
}

function applyBlindly(engine: WrappedEngine, ops: readonly WriteOp[]): void {
  void outcomeOfLate(() => engine.inner.write({ ops, requires: [] }));
}

/** What a merge makes of a value, by an engine of its own. */
function merged(value: Bytes | undefined, op: WriteOp & { readonly op: "merge" }): Bytes {
  const scratch = new MemoryEngine();
  const ops: WriteOp[] = value === undefined ? [] : [{ op: "put", key: op.key, value }];
  void scratch.write({ ops, requires: [] });
  void scratch.write({ ops: [op], requires: [] });
  return (scratch.begin() as PlainTransaction).get(op.key)!;
}

/** Merges become puts of what `before` says the cell held. */
function mergesAsPuts(
  before: (key: Bytes, engine: WrappedEngine, of: Transaction) => Bytes | undefined,
) {
  return plans(({ ops }, engine, transaction) => ({
    ops: ops.map((op) =>
      op.op === "merge"
        ? { op: "put", key: op.key, value: merged(before(op.key, engine, transaction), op) }
        : op,
    ),
  }));
}

function holds(requirement: Requirement, view: PlainView): boolean {
  const value = view.get(requirement.key);
  if (requirement.is === "absent") return value === undefined;
  return value !== undefined && equalBytes(value, requirement.value);
}

/** Whoever was told "ok" is not told what came of it. */
async function outcomeOfLate(commit: () => Awaitable<CommitResult>): Promise<unknown> {
  try {
    return await commit();
  } catch (error) {
    return error;
  }
}

class AppliesInHalves extends WrappedEngine {
  override apply(plan: Plan, transaction: Transaction): Awaitable<CommitResult> {
    const middle = Math.ceil(plan.ops.length / 2);
    if (transaction?.ended === true || plan.ops.length < 2) return super.apply(plan, transaction);
    const first = super.apply({ ...plan, ops: plan.ops.slice(0, middle) }, transaction);
    return andThen(first, async (result) => {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      applyBlindly(this, plan.ops.slice(middle));
      return result;
    });
  }
}

class MakesReadersWait extends WrappedEngine {
  #exclusive: WrappedTransaction | undefined;
  override begin(options: BeginOptions = {}): Awaitable<EngineTransaction> {
    const exclusive = options.exclusive === true || this.#exclusive?.ended === false;
    return andThen(super.begin({ ...options, exclusive }), (transaction) => {
      if (options.exclusive === true) this.#exclusive = transaction as WrappedTransaction;
      return transaction;
    });
  }
}

class TellsListeners extends WrappedEngine {
  readonly #tell: (wake: CommitListener) => CommitListener | undefined;
  readonly #undo: boolean;
  constructor(tell: (wake: CommitListener) => CommitListener | undefined, undo = true) {
    super();
    this.#tell = tell;
    this.#undo = undo;
  }
  override onCommit(wake: CommitListener): () => void {
    const told = this.#tell(wake);
    const undo = told === undefined ? () => undefined : this.inner.onCommit(told);
    return this.#undo ? undo : () => undefined;
  }
}

class StillReads extends WrappedEngine {
  override viewOf(view: WrappedView): PlainView {
    try {
      view.inner.getMany([]);
      return view.inner;
    } catch {
      return this.fresh();
    }
  }
}

export const brokenCommits: Readonly<Record<string, () => WrappedEngine>> = {
  "a commit is applied in two halves": () => new AppliesInHalves(),
  "what comes before a failed requirement stays": commits((engine, plan, commit) => {
    try {
      return commit();
    } catch (error) {
      if (error instanceof RequirementFailed) applyBlindly(engine, plan.ops.slice(0, 1));
      throw error;
    }
  }),
  "a commit that conflicts is applied and reported": commits((engine, plan, commit) => {
    try {
      return commit();
    } catch (error) {
      if (error === CONFLICT) applyBlindly(engine, plan.ops);
      throw error;
    }
  }),
  "a plan that is too large is applied in part": commits((engine, plan, commit) => {
    try {
      return commit();
    } catch (error) {
      if (error instanceof StorageError) applyBlindly(engine, plan.ops.slice(0, 1));
      throw error;
    }
  }),
  "sizes are not limited": () =>
    new (class extends WrappedEngine {
      override apply(plan: Plan, transaction: Transaction): Awaitable<CommitResult> {
        try {
          return super.apply(plan, transaction);
        } catch (error) {
          if (error instanceof StorageError) return {};
          throw error;
        }
      }
    })(),
  "keys are cut at 1,000 bytes": plans(({ ops }) => ({
    ops: ops.map((op) =>
      op.op === "put" && op.key.length <= 4_096 ? { ...op, key: op.key.subarray(0, 1_000) } : op,
    ),
  })),
  "a batch of more than 1,000 rows loses its tail": plans(({ ops }) => ({
    ops: ops.slice(0, 1_000),
  })),
  "a commit is acknowledged before it is applied": commits((_, plan, commit) => {
    if (plan.ops.length === 0 || plan.readKeys.length + plan.requires.length > 0) return commit();
    setImmediate(() => {
      void outcomeOfLate(commit);
    });
    return {};
  }),
  "a batch is sent twice": commits((engine, plan, commit) =>
    andThen(commit(), (result) => {
      applyBlindly(engine, plan.ops);
      return result;
    }),
  ),
  "deletes are forgotten": plans(({ ops }) => ({ ops: ops.filter(({ op }) => op !== "del") })),
  "requirements are not checked": plans(() => ({ requires: [] })),
  "only the first requirement is checked": plans(({ requires }) => ({
    requires: requires.slice(0, 1),
  })),
  "requirements of a plan without ops are not checked": plans(({ ops, requires }) => ({
    requires: ops.length === 0 ? [] : requires,
  })),
  "requirements are checked against the view": plans(({ requires }, _, transaction) => {
    if (transaction === undefined) return {};
    for (const one of requires) {
      if (!holds(one, transaction.inner)) throw new RequirementFailed(one.key);
    }
    return { requires: [] };
  }),
  "a failed requirement names another key": commits((_, __, commit) => {
    try {
      return commit();
    } catch (error) {
      throw error instanceof RequirementFailed ? new RequirementFailed(new Uint8Array(1)) : error;
    }
  }),
  "a failed requirement on a key that was read is no Conflict": plans(
    ({ readKeys, readRanges, requires }) => {
      const required = (key: Bytes): boolean => requires.some((one) => equalBytes(one.key, key));
      return {
        readKeys: readKeys.filter((key) => !required(key)),
        readRanges: readRanges.filter(
          (range) => !requires.some(({ key }) => rangeContains(range, key)),
        ),
      };
    },
  ),
  "what is put into a range of the same plan's delRange is lost": plans(({ ops }) => ({
    ops: ops.filter(
      (op) =>
        op.op === "delRange" ||
        !ops.some((other) => other.op === "delRange" && rangeContains(other.range, op.key)),
    ),
  })),
  "a range delete takes its end too": plans(({ ops }) => ({
    ops: ops.map((op) =>
      op.op === "delRange"
        ? { ...op, range: { ...op.range, end: op.range.end && nextKey(op.range.end) } }
        : op,
    ),
  })),
  "merges are computed from the view": mergesAsPuts((key, engine, transaction) =>
    (transaction?.inner ?? engine.fresh()).get(key),
  ),
  "a merge begins at zero where there is no cell": mergesAsPuts(
    (key, engine) => engine.fresh().get(key) ?? new Uint8Array(8),
  ),
  "a merge does not see its own plan's delRange": mergesAsPuts((key, engine) =>
    engine.fresh().get(key),
  ),
  "merges of memory are summed as float64": plans(({ ops }) => ({
    ops: ops.map((op) =>
      op.op === "merge" && op.how === "addInt" ? { ...op, how: "addFloat" } : op,
    ),
  })),
  "commits that are not durable are dropped": plans(({ durability, ops }) => ({
    ops: durability === undefined || durability === "durable" ? ops : [],
  })),
  "all states have one version": commits((_, __, commit) =>
    andThen(commit(), () => ({ version: "1" as Version })),
  ),
  "a Conflict says that running again is no use": commits((_, __, commit) => {
    try {
      return commit();
    } catch (error) {
      throw error === CONFLICT ? new StorageError("ReadOnly") : error;
    }
  }),
  "exclusive is not exclusive": () =>
    new (class extends WrappedEngine {
      override begin({ exclusive, ...options }: BeginOptions = {}): Awaitable<EngineTransaction> {
        void exclusive;
        return super.begin(options);
      }
    })(),
  "who begins beside an exclusive transaction waits for it": () => new MakesReadersWait(),
  "the signal of who waits is not heard": () =>
    new (class extends WrappedEngine {
      override begin({ signal, ...options }: BeginOptions = {}): Awaitable<EngineTransaction> {
        void signal;
        return super.begin(options);
      }
    })(),
  "a transaction can be read after its end": () => new StillReads(),
  "a transaction can be committed twice": () =>
    new (class extends WrappedEngine {
      override apply(plan: Plan, transaction: Transaction): Awaitable<CommitResult> {
        if (transaction?.ended === true) applyBlindly(this, plan.ops);
        return transaction?.ended === true ? {} : super.apply(plan, transaction);
      }
    })(),
  "a second abort throws": () =>
    new (class extends WrappedEngine {
      override abort(transaction: WrappedTransaction): void {
        if (transaction.ended) throw new Error("The transaction has ended.");
        super.abort(transaction);
      }
    })(),
  "a closed engine still answers": () =>
    new (class extends WrappedEngine {
      override async close(): Promise<void> {}
    })(),
  "the engine finds itself damaged": () =>
    new (class extends WrappedEngine {
      async verify(): Promise<readonly string[]> {
        return ["a row is out of order"];
      }
    })(),
  "listeners are not woken": () => new TellsListeners(() => undefined),
  "listeners do not hear of ranges": () =>
    new TellsListeners((wake) => (touched) => {
      wake(touched === undefined ? undefined : { ...touched, ranges: [] });
    }),
  "listeners stay after they were taken off": () => new TellsListeners((wake) => wake, false),
};
