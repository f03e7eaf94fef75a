/** Reads of one committed state that remember what they read: for results that follow the data. */
import { andThen } from "../base/index.ts";
import type { Awaitable } from "../base/index.ts";
import type { Snapshot, StorageEngine, Version } from "../engine/contract/index.ts";
import { LayeredView } from "./own-writes/layered-view.ts";
import { OwnWrites } from "./own-writes/own-writes.ts";
import type { FullView } from "./reading/full-view.ts";
import { ReadRanges } from "./read-ranges.ts";
import { ReadSet } from "./reading/read-set.ts";
import { untilKept } from "./until-kept.ts";

export interface Recorded<T> {
  readonly value: T;
  /** What the body read, as far as it consumed it. */
  readonly reads: ReadRanges;
  /** The state that was read; undefined where the engine does not name its states. */
  readonly version: Version | undefined;
}

/** Runs `body` with a view of the newest durable state, and lets the view go when it has ended. */
export function withRecordedView<T>(
  engine: StorageEngine,
  body: (view: FullView) => Awaitable<T>,
): Awaitable<Recorded<T>> {
  return untilKept(engine, () =>
    andThen(engine.snapshot(), (snapshot) => readOnce(engine, snapshot, body)),
  );
}

async function readOnce<T>(
  engine: StorageEngine,
  snapshot: Snapshot,
  body: (view: FullView) => Awaitable<T>,
): Promise<Recorded<T>> {
  const reads = new ReadSet(true);
  const view = new LayeredView({
    engine: snapshot,
    remote: engine.capabilities.remote,
    own: new OwnWrites(),
    reads,
    assertUsable: () => undefined,
  });
  try {
    const value = await body(view);
    return { value, reads: new ReadRanges(reads), version: snapshot.version };
  } finally {
    view.closeScans();
    snapshot.close();
  }
}
