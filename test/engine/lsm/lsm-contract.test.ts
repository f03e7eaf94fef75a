/** The local engine keeps the contract: on real files, and on a disk in memory that is forever flushing and compacting, under many options. */
import { afterAll } from "vitest";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import { describeEngine } from "../../contract/describe-engine.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { SLOW } from "./read/slow-kit.ts";
import { someOptions } from "./random-options.ts";
import { ROUNDS, TINY } from "./support.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";

const folders: AsyncDisposable[] = [];
afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

describeEngine("the LSM engine on real files", async () => {
  const folder = await temporaryFolder();
  folders.push(folder);
  return openLsmEngine({ path: folder.path });
});

describeEngine("the LSM engine with tiny tables on a disk in memory", async () =>
  openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY }),
);

describeEngine("the LSM engine on a disk that is never waited for", async () =>
  openLsmEngine({ path: "/db", host: new SimulatedHost({ readMillis: 1 }), ...SLOW }),
);

describeEngine("the LSM engine that keeps a change log", async () =>
  openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY, changeLog: {} }),
);

describeEngine("the LSM engine that acknowledges at once", async () =>
  openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY, durability: "memory" }),
);

for (const [i, options] of someOptions(1, 3 * ROUNDS).entries()) {
  describeEngine(`the LSM engine with options at random, number ${i + 1}`, async () =>
    openLsmEngine({ path: "/db", host: new SimulatedHost(), ...options }),
  );
}

describeEngine("the LSM engine whose background thread does all work", async () => {
  const folder = await temporaryFolder();
  folders.push(folder);
  return openLsmEngine({ path: folder.path, ...TINY, backgroundThreadBytesMin: 0 });
});
