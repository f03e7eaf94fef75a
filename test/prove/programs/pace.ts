/**
 * The pace of builds in a program: a few documents at a time, and others have their turn between, so that collections of
 * a few documents meet what otherwise only large ones do.
 */
import type { SimulatedHost } from "kotobadb/testing";
import { buildPace } from "../../../src/collections/build/build-pace.ts";
import type { BuildPace } from "../../../src/collections/build/build-pace.ts";
import { turns } from "../kit/turns.ts";

export interface Pace {
  /** How many documents are done at once, before the first use. */
  readonly first: number;
  /** How many at a time in the background. */
  readonly batch: number;
  /** How many turns of the event loop others have between. */
  readonly pauseTurns: number;
}

/** Nobody else waits as long as this. */
const PAUSE_MILLIS = 123.5;

/** Sets the pace for one program, since they run one after the other; gives what restores it. */
export function setPace({ batch, first }: Pace): () => void {
  const usual = { ...buildPace };
  Object.assign(buildPace, {
    firstDocumentsMax: first,
    batchDocumentsMin: batch,
    batchDocumentsMax: batch,
    batchDocumentsStart: batch,
    pauseMillisMin: PAUSE_MILLIS,
    pauseMillisMax: PAUSE_MILLIS,
  } satisfies BuildPace);
  return () => void Object.assign(buildPace, usual);
}

/** The simulated clock would jump to the end of every pause; in turns a build lasts as long as what goes on beside it. */
export function pauseInTurns(host: SimulatedHost, pauseTurns: number): void {
  const timers = host.timers as { after: SimulatedHost["timers"]["after"] };
  const { after } = timers;
  timers.after = (millis, task) => {
    if (millis !== PAUSE_MILLIS) return after(millis, task);
    let isWanted = true;
    void turns(pauseTurns).then(() => isWanted && task());
    return () => void (isWanted = false);
  };
}
