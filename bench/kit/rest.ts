/** Waiting until a store has come to rest. */
import { setTimeout as sleep } from "node:timers/promises";

const REST_MILLIS = 100;
const REST_SHARE = 0.1;
const REST_SECONDS_MAX = 60;

/** Waits until the store's threads have nothing more to do, so that the next phase does not pay for this one. */
export async function rest(): Promise<void> {
  let quiet = 0;
  for (let waited = 0; waited < REST_SECONDS_MAX * 1_000 && quiet < 2; waited += REST_MILLIS) {
    const before = process.cpuUsage();
    await sleep(REST_MILLIS);
    const { system, user } = process.cpuUsage(before);
    quiet = (system + user) / 1_000 < REST_MILLIS * REST_SHARE ? quiet + 1 : 0;
  }
}
