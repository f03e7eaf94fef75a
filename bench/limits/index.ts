import type { Suite } from "../kit/index.ts";
import { measureDisk } from "./disk.ts";
import { measureMemory } from "./memory.ts";
import { measureOwnLoops } from "./own-loops.ts";

/** The limits of this machine, as one more suite: they are measured in the run whose results they judge. */
export const limits: Suite = {
  name: "limits",
  stores: [
    {
      name: "this machine",
      durability: { buffered: "process", durable: "power" },
      persistent: true,
    },
  ],
  run: async (_store, { directory, recorder, size }) => {
    await measureDisk(recorder, directory, size);
    await measureMemory(recorder);
    await measureOwnLoops(recorder);
  },
};
