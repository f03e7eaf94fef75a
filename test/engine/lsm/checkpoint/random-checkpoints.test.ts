/** Checkpoints in the middle of random work are what the model was at their moment, however the source goes on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { WriteOp } from "../../../../src/engine/contract/index.ts";
import { ROUNDS, TINY, del, delRange, entriesOf, put, range } from "../support.ts";
import { applied, sorted } from "../workload.ts";
import type { State } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const key = fc.integer({ min: 0, max: 30 }).map((i) => `k${String(i).padStart(2, "0")}`);
const op: fc.Arbitrary<WriteOp> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(key, fc.integer({ min: 0, max: 200 }))
      .map(([k, n]) => put(k, "x".repeat(n))),
  },
  { weight: 2, arbitrary: key.map(del) },
  {
    weight: 1,
    arbitrary: fc.tuple(key, key).map(([a, b]) => (a < b ? delRange(a, b) : delRange(b, `${a}0`))),
  },
);
const step = fc.oneof(
  { weight: 12, arbitrary: op.map((one) => ({ what: "commit" as const, op: one })) },
  { weight: 2, arbitrary: fc.constant({ what: "checkpoint" as const }) },
  { weight: 1, arbitrary: fc.constant({ what: "compact" as const }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(key, key)
      .map((ends) => ({ what: "range" as const, ends: ends.toSorted() })),
  },
  { weight: 1, arbitrary: fc.constant({ what: "reopen" as const }) },
  { weight: 1, arbitrary: fc.constant({ what: "power-cut" as const }) },
);

test(
  "each copy is the state of its moment, also after a power cut, and none takes a file from the other",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 80 }),
        fc.nat(1_000),
        async (steps, seed) => {
          let host = new SimulatedHost({ seed });
          const open = () => openLsmEngine({ path: "/db", host, ...TINY });
          let engine = await open();
          let state: State = new Map();
          const copies: { readonly path: string; readonly state: State }[] = [];
          for (const [i, one] of steps.entries()) {
            if (one.what === "commit") {
              await engine.write({ ops: [one.op], requires: [] });
              state = applied(state, [one.op]);
            } else if (one.what === "checkpoint") {
              const path = `/copies/${i}`;
              await engine.checkpoint(path);
              copies.push({ path, state });
            } else if (one.what === "compact") await engine.compact();
            else if (one.what === "range") await engine.compact(range(one.ends[0]!, one.ends[1]));
            else if (one.what === "power-cut") {
              host = host.crash("seeded", seed + i);
              engine = await open();
            } else {
              await engine.close();
              engine = await open();
            }
          }
          expect(await entriesOf(engine.snapshot())).toEqual(sorted(state));
          await engine.close();
          for (const [i, copy] of copies.entries()) {
            const readOnly = i % 2 === 0;
            const reader = await openLsmEngine({ path: copy.path, host, ...TINY, readOnly });
            expect(await entriesOf(reader.snapshot())).toEqual(sorted(copy.state));
            if (!readOnly) await reader.compact();
            expect(await reader.verify()).toEqual([]);
            await reader.close();
          }
        },
      ),
      { numRuns: 60 * ROUNDS },
    );
  },
  60_000 * ROUNDS,
);
