/**
 * An engine with the reads that it leaves out, as the transaction room makes them of the others: so the suite's cases
 * for them run too, and what the layers above really use is held to the contract.
 */
import { andThen } from "../../src/base/index.ts";
import type {
  EngineTransaction,
  ReadView,
  Snapshot,
  StorageEngine,
} from "../../src/engine/contract/index.ts";
import { fullView } from "../../src/transaction/index.ts";
import type { FullView } from "../../src/transaction/index.ts";

function completed<V extends ReadView>(view: V): V & FullView {
  const full = fullView(view, false);
  return new Proxy(view, {
    get(target, name) {
      const from: object = name === "scanMany" || name === "scanRefs" ? full : target;
      const member: unknown = Reflect.get(from, name, from);
      return typeof member === "function" ? member.bind(from) : member;
    },
  }) as V & FullView;
}

export function completedEngine(engine: StorageEngine): StorageEngine {
  return {
    name: `${engine.name}, completed`,
    limits: engine.limits,
    capabilities: engine.capabilities,
    begin: (options) => andThen(engine.begin(options), (tx): EngineTransaction => completed(tx)),
    snapshot: () => andThen(engine.snapshot(), (view): Snapshot => completed(view)),
    write: (plan) => engine.write(plan),
    close: () => engine.close(),
  };
}
