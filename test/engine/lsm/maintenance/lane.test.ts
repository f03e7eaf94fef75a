import { expect, test } from "vitest";
import { nodeHost } from "../../../../src/engine/lsm/host/index.ts";
import { Lane } from "../../../../src/engine/lsm/maintenance/lane.ts";

const { timers } = nodeHost();

test("whoever wakes a lane sees the work done, at whatever moment it comes", async () => {
  let wanted = 0;
  let done = 0;
  const lane = new Lane(
    timers,
    async () => {
      if (done === wanted) return false;
      done++;
      await timers.pause();
      return true;
    },
    (cause) => {
      throw cause;
    },
  );
  for (let turn = 0; turn < 200; turn++) {
    wanted++;
    lane.wake();
    // Sometimes in the same turn, sometimes while it works, sometimes just when it stops.
    for (let i = 0; i < turn % 5; i++) await (turn % 2 === 0 ? timers.pause() : Promise.resolve());
  }
  await lane.idle();
  expect(done).toBe(200);
});

test("a failure is handed on once, and the lane can be woken again", async () => {
  const failures: unknown[] = [];
  let isBroken = true;
  let done = 0;
  const work = async (): Promise<boolean> => {
    if (isBroken) throw new Error("broken");
    done++;
    return false;
  };
  const lane = new Lane(timers, work, (cause) => failures.push(cause));
  lane.wake();
  await lane.idle();
  isBroken = false;
  lane.wake();
  await lane.idle();
  expect(failures).toHaveLength(1);
  expect(done).toBe(1);
});
