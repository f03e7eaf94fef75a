/** A cursor that is made when it is first used, so that what its making throws is a failure of the stream. */
import type { Awaitable, BatchCursor } from "../../base/index.ts";

export function lateCursor<A>(make: () => BatchCursor<A>): BatchCursor<A> {
  let made: BatchCursor<A> | undefined;
  let isClosed = false;
  return {
    next: (): Awaitable<readonly A[] | undefined> =>
      isClosed ? undefined : (made ??= make()).next(),
    close: () => {
      isClosed = true;
      made?.close();
    },
  };
}
