/**
 * An engine that may lose the answer to a commit, as one whose commits say what became of them.
 *
 * Each commit that writes carries a token (commit-token.ts). If its answer is lost, it is settled (settle-commit.ts): it
 * has taken effect, and that is the answer; or it was stopped, and nothing of it is or will be, so that it may be made
 * again; or that cannot be found out in time, and CommitUnknown it is. Everything above stands on this engine, so nothing
 * above has to think of it. What else was weighed stands in docs/decisions/0014-lost-answers.md.
 *
 * Always true:
 * (1) A commit is acknowledged, or said not to have taken effect, only if that is so and stays so.
 * (2) An engine that loses no answers is left as it is: no row, no wrapper, no work.
 * (3) Each commit, and each sending of a batch, has a token of its own.
 * (4) Feeds and listeners are told nothing of tokens.
 */
import { andThen, Closed, overlaid } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { StorageError, isTokenKey } from "../../engine/contract/index.ts";
import type {
  BlindPlan,
  ChangeSet,
  CommitListener,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  StorageEngine,
} from "../../engine/contract/index.ts";
import { backoffMillis } from "../backoff.ts";
import { Patience } from "../patience.ts";
import { TOKEN_PLAN_BYTES, tokenKey, withToken } from "./commit-token.ts";
import { isUnsettled, settleCommit } from "./settle-commit.ts";
import type { OnceHost, Settlement } from "./settle-commit.ts";
import { TokenCleaner } from "./token-cleaner.ts";

/** For batches, and for whoever commits without saying how long it waits. */
const OUTCOME_MILLIS_DEFAULT = 10_000;

/** The two decisions on which all rests. */
export interface Settling {
  readonly isUnsettled: typeof isUnsettled;
  readonly settleCommit: typeof settleCommit;
}

/** Closing what is given closes the engine. */
export function exactlyOnce(engine: StorageEngine, host: OnceHost): StorageEngine {
  return settledBy({ isUnsettled, settleCommit }, engine, host);
}

/** @internal With other decisions, for tests that plant mistakes. */
export function settledBy(
  settling: Settling,
  engine: StorageEngine,
  host: OnceHost,
): StorageEngine {
  if (engine.capabilities.answersMayBeLost !== true) return engine;
  const commits = new OnceCommits(settling, engine, host);
  const { limits } = engine;
  return overlaid<StorageEngine>(engine, {
    limits: { ...limits, transactionBytes: limits.transactionBytes - TOKEN_PLAN_BYTES },
    begin: (options) => {
      commits.assertOpen();
      return andThen(engine.begin(options), (inner) => commits.guarded(inner));
    },
    snapshot: (options) => {
      commits.assertOpen();
      return engine.snapshot(options);
    },
    write: (plan) => commits.write(plan),
    close: () => commits.close(),
    ...(engine.changes === undefined
      ? {}
      : { changes: (after, options) => withoutTokens(engine.changes!(after, options)) }),
    ...(engine.onCommit === undefined
      ? {}
      : { onCommit: (wake) => engine.onCommit!(deafToTokens(wake)) }),
  });
}

class OnceCommits {
  readonly #settling: Settling;
  readonly #engine: StorageEngine;
  readonly #host: OnceHost;
  readonly #cleaner: TokenCleaner;
  #closing: Promise<void> | undefined;

  constructor(settling: Settling, engine: StorageEngine, host: OnceHost) {
    this.#settling = settling;
    this.#engine = engine;
    this.#host = host;
    this.#cleaner = new TokenCleaner(engine, host);
  }

  assertOpen(): void {
    if (this.#closing !== undefined) throw new Closed("engine");
  }

  guarded(inner: EngineTransaction): EngineTransaction {
    return overlaid(inner, { commit: (plan) => this.#commit(inner, plan) });
  }

  /** A batch that was stopped is sent again: it has read nothing that could have changed. */
  async write(plan: BlindPlan): Promise<CommitResult> {
    this.assertOpen();
    const { outcomeMillisMax = OUTCOME_MILLIS_DEFAULT } = plan;
    const patience = new Patience(this.#host, outcomeMillisMax, plan.signal);
    for (let retries = 0; ; retries++) {
      const left = { ...plan, outcomeMillisMax: patience.leftMillis };
      const settled = await this.#send(left, (sent) => this.#engine.write(sent));
      if (!("stopped" in settled)) return settled;
      await patience.sleep(backoffMillis(settled.stopped, retries, this.#host.random()));
      if (patience.lapsed !== undefined) throw settled.stopped;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#cleaner.close().then(() => this.#engine.close());
    return this.#closing;
  }

  async #commit(inner: EngineTransaction, plan: CommitPlan): Promise<CommitResult> {
    const settled = await this.#send(
      plan,
      (sent) => inner.commit(sent),
      () => inner.abort(),
    );
    if ("stopped" in settled) throw settled.stopped;
    return settled;
  }

  /** `release` gives back what the failed commit holds: settling may need the last connection. */
  async #send<P extends BlindPlan>(
    plan: P,
    send: (plan: P) => CommitResult | Promise<CommitResult>,
    release?: () => void,
  ): Promise<CommitResult | { readonly stopped: StorageError }> {
    // A plan that writes nothing cannot have taken effect: only its answer is missing.
    const key = plan.ops.length === 0 ? undefined : this.#newToken();
    const sentMillis = this.#host.nowMillis();
    const sentWallMillis = this.#host.wallMillis();
    try {
      const result = await send(key === undefined ? plan : withToken(plan, key));
      if (key !== undefined) this.#cleaner.acknowledged(key);
      return result;
    } catch (error) {
      if (key === undefined) return { stopped: unanswered(error) };
      if (!this.#settling.isUnsettled(error, key)) throw error;
      release?.();
      const { outcomeMillisMax = OUTCOME_MILLIS_DEFAULT } = plan;
      const millisMax = outcomeMillisMax - (this.#host.nowMillis() - sentMillis);
      const sent = { key, sentMillis, sentWallMillis, millisMax };
      const settlement = await this.#settling.settleCommit(this.#engine, this.#host, sent);
      return this.#answer(settlement, key, error);
    }
  }

  #newToken(): Bytes {
    return tokenKey((count) => this.#host.randomBytes(count));
  }

  #answer(
    settlement: Settlement,
    key: Bytes,
    cause: unknown,
  ): CommitResult | { readonly stopped: StorageError } {
    if (settlement === "committed") {
      this.#cleaner.acknowledged(key);
      return {};
    }
    if (settlement === "fenced") return { stopped: stoppedBecauseOf(cause) };
    throw new StorageError("CommitUnknown", { settled: false }, { cause, remedy: UNSETTLED });
  }
}

/** Who looks in a transaction has its commit refused if what it looked for comes after all. */
const UNSETTLED =
  "The storage did not say in time. Give more time (timeoutMillis), or look inside the transaction that tries again; a read outside of one may not show it yet.";

function stoppedBecauseOf(cause: unknown): StorageError {
  return new StorageError(
    "Unavailable",
    { what: "answer to a commit" },
    { cause, remedy: "Try again: nothing of the commit has taken effect, nor will it." },
  );
}

/** The error of a plan that writes nothing; whether its reads hold is not known, so they are to be made again. */
function unanswered(error: unknown): StorageError {
  if (!(error instanceof StorageError) || error.committed !== "unknown") throw error;
  return stoppedBecauseOf(error);
}

async function* withoutTokens(
  changes: AsyncIterable<readonly ChangeSet[]>,
): AsyncIterable<readonly ChangeSet[]> {
  for await (const sets of changes) {
    yield sets.map(({ ops, version }) => ({
      version,
      ops: ops.filter((op) => op.op === "delRange" || !isTokenKey(op.key)),
    }));
  }
}

function deafToTokens(wake: CommitListener): CommitListener {
  return (touched) => {
    if (touched === undefined) {
      wake(undefined);
      return;
    }
    const keys = touched.keys.filter((key) => !isTokenKey(key));
    if (keys.length > 0 || touched.ranges.length > 0) wake({ keys, ranges: touched.ranges });
  };
}
