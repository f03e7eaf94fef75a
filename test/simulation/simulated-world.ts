/**
 * The world of a simulated database: put in the place of src/database/world.ts by vi.mock, so that the public open()
 * repeats exactly. Together with a MemoryHost, whose clock stands still, a seed then decides every byte and every turn.
 *
 * Always true:
 * (1) Time of day, chance and ids follow from the seed given to resetWorld().
 * (2) A short wait (the pause before a retry) is so many turns of the event loop, one for each millisecond. A long one
 *     (the time limit of a transaction) is a real timer: it ends a test that hangs, and never fires in one that does not.
 *
 * There is one world in a test file, so its tests must come one after the other, and each must end before its time limit:
 * one that was given up goes on, and draws what the next one should have drawn.
 */
import type { World } from "../../src/database/world.ts";
import { seededRandom } from "../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../src/testing/kit/index.ts";

const START_MILLIS = 1_700_000_000_000;
const SHORT_MILLIS_MAX = 1_000;

let random: SeededRandom = seededRandom(1);
let nowMillis = START_MILLIS;
/** Errors that nobody awaited: a simulation must end with none. */
export const reported: unknown[] = [];

export function resetWorld(seed: number): void {
  random = seededRandom(seed, 0xd0);
  nowMillis = START_MILLIS;
  reported.length = 0;
}

export const nodeWorld: World = {
  // The clock stands still now and then, as a real one does for a fast writer.
  nowMillis: () => (random.oneIn(3) ? ++nowMillis : nowMillis),
  monotonicMillis: () => performance.now(),
  randomFill: (target) => {
    for (let i = 0; i < target.length; i++) target[i] = random.below(256);
  },
  random: () => random.below(1_000_000) / 1_000_000,
  schedule: (millis, task) => {
    let cancelled = false;
    if (millis > SHORT_MILLIS_MAX) {
      const timer = setTimeout(task, millis);
      return () => clearTimeout(timer);
    }
    void turns(Math.ceil(millis)).then(() => {
      if (!cancelled) task();
    });
    return () => {
      cancelled = true;
    };
  },
  report: (error) => {
    reported.push(error);
  },
};

/** Lets so many turns of the event loop pass, at least one. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < Math.max(1, count); i++) await new Promise<void>((r) => setImmediate(r));
}
