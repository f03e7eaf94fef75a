/** An engine on which nobody succeeds at once. */
import { andThen } from "../../base/index.ts";
import { CONFLICT } from "../../engine/contract/index.ts";
import type { EngineTransaction, StorageEngine } from "../../engine/contract/index.ts";
import { overlaid } from "../kit/index.ts";

/**
 * The engine as it is, but the first attempt of every transaction that writes ends in a conflict, so that every body is
 * run twice. A body that must not be run twice, as it sends a mail or counts in a variable, shows itself in the first
 * test that uses it, and not in production under load.
 *
 * @example
 * const db = await open({ engine: conflictFirst(new MemoryEngine()) }, { collections: { users } });
 * let runs = 0;
 * await db.transaction(async (tx) => {
 *   runs++;
 *   await tx.users.insert({ name: "Ada" });
 * });
 * // runs is 2
 */
export function conflictFirst(engine: StorageEngine): StorageEngine {
  return overlaid(engine, {
    begin: (options = {}) => {
      const begun = engine.begin(options);
      if (options.readOnly === true || options.exclusive === true || options.isRetry === true)
        return begun;
      return andThen(begun, losing);
    },
  });
}

function losing(transaction: EngineTransaction): EngineTransaction {
  return overlaid(transaction, {
    commit: (plan) => {
      if (plan.ops.length === 0) return transaction.commit(plan);
      transaction.abort();
      throw CONFLICT;
    },
  });
}
