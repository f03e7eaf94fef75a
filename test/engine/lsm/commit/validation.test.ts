/** What makes a transaction fail and what does not, on the whole engine: flushes, compactions and loads in between. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Conflict } from "../../../../src/engine/contract/index.ts";
import type { EngineTransaction } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { ROUNDS, TINY, bytes, delRange, entriesOf, put, range } from "../support.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

interface Open {
  readonly transaction: EngineTransaction;
  readonly key: string;
  readonly start: string;
  readonly end: string;
  isTouched: boolean;
}

const key = fc.nat(60).map((n) => `k${String(n).padStart(2, "0")}`);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("begin" as const), key, to: key }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("put" as const), key, to: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), key, to: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("load" as const), key, to: key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("flush" as const), key, to: key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("compact" as const), key, to: key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("commit" as const), key, to: key }) },
);

test(
  "a transaction conflicts if and only if what it read was changed, whatever was flushed, compacted or loaded meanwhile",
  async () => {
    const outcomes = { ok: 0, conflict: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 25, maxLength: 40, size: "max" }),
        async (steps) => {
          const engine = await openLsmEngine({ path: "/db", host: new SimulatedHost(), ...TINY });
          const open: Open[] = [];
          const changed = (from: string, to: string): void => {
            for (const one of open) {
              one.isTouched ||=
                (one.key >= from && one.key < to) || (one.start < to && from < one.end);
            }
          };
          for (const one of steps) {
            const after = `${one.key}\u0000`;
            const [start, end] = one.key <= one.to ? [one.key, one.to] : [one.to, one.key];
            switch (one.do) {
              case "begin": {
                const transaction = await engine.begin();
                await transaction.get(bytes(one.key));
                const to = `${one.to}x`;
                await entriesOf(transaction, range(one.to, to));
                open.push({ transaction, key: one.key, start: one.to, end: to, isTouched: false });
                break;
              }
              case "put":
                await engine.write({ ops: [put(one.key, "v".repeat(200))], requires: [] });
                changed(one.key, after);
                break;
              case "delete":
                if (start === end) break;
                await engine.write({ ops: [delRange(start, end)], requires: [] });
                changed(start, end);
                break;
              case "load": {
                const rows = [[[bytes(one.key), bytes("loaded")] as const]];
                await engine.load!(
                  (async function* () {
                    yield* rows;
                  })(),
                );
                changed(one.key, after);
                break;
              }
              case "flush":
                await engine.flush();
                break;
              case "compact":
                await engine.compact();
                break;
              case "commit": {
                const oldest = open.shift();
                if (oldest === undefined) break;
                let outcome: "ok" | "conflict" = "ok";
                try {
                  await oldest.transaction.commit({
                    readKeys: [bytes(oldest.key)],
                    readRanges: [range(oldest.start, oldest.end)],
                    ops: [put("own", "1")],
                    requires: [],
                  });
                } catch (error) {
                  if (!(error instanceof Conflict)) throw error;
                  outcome = "conflict";
                }
                expect(outcome).toBe(oldest.isTouched ? "conflict" : "ok");
                outcomes[outcome]++;
                break;
              }
            }
          }
          for (const { transaction } of open) transaction.abort();
          await engine.close();
        },
      ),
      { numRuns: 40 * ROUNDS },
    );
    expect(outcomes.ok).toBeGreaterThan(10);
    expect(outcomes.conflict).toBeGreaterThan(10);
  },
  60_000 * ROUNDS,
);
