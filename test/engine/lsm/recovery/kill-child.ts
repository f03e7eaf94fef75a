/** A process that commits 1, 2, 3 … from several writers and says each number once it is acknowledged, until it is killed. */
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { TINY, put } from "../support.ts";

const engine = await openLsmEngine({ path: process.argv[2]!, ...TINY });
let next = 1;
async function writer(): Promise<void> {
  for (;;) {
    const number = next++;
    const key = `k${String(number).padStart(6, "0")}`;
    await engine.write({ ops: [put(key, "x".repeat(50)), put("n", key)], requires: [] });
    process.stdout.write(`${number}\n`);
  }
}
await Promise.all([writer(), writer(), writer(), writer()]);
