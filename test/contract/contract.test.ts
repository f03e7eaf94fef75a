import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { exactlyOnce } from "../../src/transaction/index.ts";
import { FakeHost } from "../transaction/once/fake-host.ts";
import { LossyEngine } from "../transaction/once/lossy-engine.ts";
import { completedEngine } from "./completed-engine.ts";
import { describeEngine } from "./describe-engine.ts";
import { SimulatedHost } from "../../src/testing/index.ts";

const folders: string[] = [];

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kotoba-contract-"));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describeEngine("memory", async () => new MemoryEngine());
describeEngine("memory with a change log", async () => new MemoryEngine({ changeLog: {} }));
describeEngine("lsm on the memory host", () =>
  openLsmEngine({ path: "database", host: new SimulatedHost({ seed: 1 }) }),
);
describeEngine("lsm on the node host", async () =>
  openLsmEngine({ path: await temporaryFolder() }),
);
describeEngine("memory, with the scans of the transaction room", async () =>
  completedEngine(new MemoryEngine()),
);
describeEngine("lsm, with the scans of the transaction room", async () =>
  completedEngine(await openLsmEngine({ path: "database", host: new SimulatedHost({ seed: 2 }) })),
);
describeEngine("memory over a line that loses no answer, settled", async () => settled("answered"));
describeEngine("memory over a line that loses every answer, settled", async () =>
  settled("unheard"),
);

/** Every commit and batch takes effect; of the answer the token tells, if nothing else does. */
function settled(fate: "answered" | "unheard"): StorageEngine {
  const lossy = new LossyEngine({
    // A settled commit has no version, so nobody could go on from it in a log.
    memory: new MemoryEngine(fate === "answered" ? { changeLog: {} } : {}),
    fateOf: (request) => (request === "commit" || request === "batch" ? fate : "answered"),
  });
  return exactlyOnce(lossy.engine, new FakeHost());
}
