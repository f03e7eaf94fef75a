/** Counts and sums that indexes keep, held against a plain model: random programs, aborts, new processes, power cuts. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { openLsmEngine } from "../../../src/engine/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import { engineHere, isElsewhere, runsHere } from "../../support/elsewhere.ts";
import { promisedEngine } from "../promised-engine.ts";
import { TallyWorld, programs } from "./tally-world.ts";

vi.setConfig({ testTimeout: 120_000 });

test("counts and sums are those of the documents, whatever was written", async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const world = await TallyWorld.open(engineHere());
      await world.run(program);
      await world.check();
    }),
    { numRuns: runsHere(60) },
  );
});

test.skipIf(isElsewhere())("so they are where every read is a promise", async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const world = await TallyWorld.open(promisedEngine(new MemoryEngine()));
      await world.run(program);
      await world.check();
    }),
    { numRuns: 10 },
  );
});

test.skipIf(isElsewhere())("and after a power cut, on the disk", async () => {
  const path = "/home/counts/db";
  await fc.assert(
    fc.asyncProperty(
      fc.array(programs, { minLength: 1, maxLength: 3 }),
      fc.nat({ max: 1_000_000 }),
      async (lives, seed) => {
        let host = new SimulatedHost({ seed });
        let engine = await openLsmEngine({ path, host, flushBytesMax: 64 * 1_024 });
        const world = await TallyWorld.open(engine);
        for (const program of lives) {
          await world.run(program);
          // Every commit of the program was acknowledged, so all of it is there afterwards.
          host = host.afterPowerCut("seeded", seed);
          engine = await openLsmEngine({ path, host, flushBytesMax: 64 * 1_024 });
          await world.reopen(engine);
          await world.check();
        }
        await engine.close();
      },
    ),
    { numRuns: 8 },
  );
});

test("the plain model tells a wrong cell", async () => {
  const world = await TallyWorld.open(engineHere());
  await world.run([
    {
      steps: [
        {
          op: "insert",
          rows: [{ role: "a", active: true, big: null, place: { zip: 0 }, amount: 0.1 }],
        },
      ],
      end: "commit",
    },
  ]);
  await world.check();
  world.model.clear();
  await expect(world.check()).rejects.toThrow();
});
