/** What collections need of a database, of an engine that a command has opened. */
import type { StoreHost } from "../collections/index.ts";
import type { Host, LsmEngine } from "../engine/index.ts";

export function storeHost(
  host: Host,
  engine: LsmEngine,
): StoreHost & { readonly pause: () => Promise<void> } {
  return {
    engine,
    nowMillis: () => host.clock.nowMillis(),
    randomFill: (target) => target.set(host.random.bytes(target.length)),
    pause: () => host.timers.pause(),
    transactionHost: {
      nowMillis: () => host.clock.monotonicMillis(),
      random: () => host.random.bytes(1)[0]! / 256,
      after: (millis, task) => host.timers.after(millis, task),
      deadline: (millis, task) => host.timers.deadline(millis, task),
      report: (error, where) => host.warn(error, where),
    },
  };
}
