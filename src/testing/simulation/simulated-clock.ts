/**
 * The simulated clock and those who wait for it. Nobody waits for real time.
 *
 * Always true:
 * (1) Time passes when the clock is told so, and by jumping to the moment at which the next sleeper wakes: in the turn of
 *     the event loop after it lay down, or after the one before it woke. Sleepers wake in the order of their times.
 * (2) The clock never jumps to a deadline, which only guards other work, nor to what is done later: both come when time
 *     has passed them. So work that hangs stays a hang, which a test sees, and no time limit ends work that is merely slow
 *     in real time.
 */
import { nodeTimers } from "../../engine/lsm/host/index.ts";
import type { Clock, Timers } from "../../engine/lsm/host/index.ts";

const FIRST_MILLIS = 1_700_000_000_000;

interface Waiter {
  readonly wakeMillis: number;
  readonly wake: () => void;
}

export class SimulatedClock implements Clock, Timers {
  readonly #startMillis: number;
  #nowMillis: number;
  readonly #sleepers: Waiter[] = [];
  readonly #deadlines: Waiter[] = [];

  constructor(nowMillis: number = FIRST_MILLIS) {
    this.#startMillis = nowMillis;
    this.#nowMillis = nowMillis;
  }

  nowMillis = (): number => Math.floor(this.#nowMillis);
  preciseMillis = (): number => this.#nowMillis;
  monotonicMillis = (): number => this.#nowMillis - this.#startMillis;

  pause = (): Promise<void> => nodeTimers.pause();
  soon = (work: () => void): void => nodeTimers.soon(work);

  /** Time that passes while the thread is blocked, or because a test says so. */
  passes(millis: number): void {
    this.#nowMillis += millis;
    while (this.#deadlines.length > 0 && this.#deadlines[0]!.wakeMillis <= this.#nowMillis) {
      const { wake } = this.#deadlines.shift()!;
      nodeTimers.soon(wake);
    }
  }

  sleep = (millis: number): Promise<void> =>
    new Promise((resolved) => {
      this.after(millis, resolved);
    });

  after = (millis: number, task: () => void): (() => void) => {
    const cancel = insert(this.#sleepers, this.#nowMillis + millis, task);
    nodeTimers.soon(() => this.#wakeNext());
    return cancel;
  };

  deadline = (millis: number, task: () => void): (() => void) =>
    insert(this.#deadlines, this.#nowMillis + millis, task);

  later = (millis: number, task: () => void): (() => void) => this.deadline(millis, task);

  /** One turn for each sleeper, so that what one does after waking comes before the next one wakes. */
  #wakeNext(): void {
    const next = this.#sleepers.shift();
    if (next === undefined) return;
    this.passes(Math.max(0, next.wakeMillis - this.#nowMillis));
    next.wake();
  }
}

/** Puts the waiter into its place: by wake time, among equals by who came first. Gives the undo. */
function insert(waiters: Waiter[], wakeMillis: number, wake: () => void): () => void {
  const waiter = { wakeMillis, wake };
  const after = waiters.findIndex((other) => other.wakeMillis > wakeMillis);
  waiters.splice(after === -1 ? waiters.length : after, 0, waiter);
  return () => {
    const at = waiters.indexOf(waiter);
    if (at !== -1) waiters.splice(at, 1);
  };
}
