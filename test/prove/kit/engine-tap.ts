/** An engine as it is, with a tap on its commits: to learn the order they got, or to break one on purpose. */
import type { Awaitable } from "../../../src/base/index.ts";
import { andThen } from "../../../src/base/index.ts";
import { overlaid } from "../../../src/testing/kit/index.ts";
import type { CommitPlan, CommitResult, EngineTransaction, StorageEngine } from "kotobadb/engine";

export type CommitTap = (
  plan: CommitPlan,
  commit: (plan: CommitPlan) => Awaitable<CommitResult>,
) => Awaitable<CommitResult>;

/** `inner` with every commit of a transaction led through `tap`; all else as before. */
export function tapped(inner: StorageEngine, tap: CommitTap): StorageEngine {
  return overlaid(inner, {
    begin: (options) =>
      andThen(inner.begin(options), (transaction): EngineTransaction =>
        overlaid(transaction, {
          commit: (plan) => tap(plan, (whole) => transaction.commit(whole)),
        }),
      ),
  });
}
