/** The quick share of the programs, and the test of the test: everything comes up, and planted mistakes are found out. */
import fc from "fast-check";
import type { LsmEngine, WriteOp } from "kotobadb/engine";
import { expect, test } from "vitest";
import { overlaid } from "../../src/testing/kit/index.ts";
import { tapped } from "./kit/engine-tap.ts";
import type { CommitTap } from "./kit/engine-tap.ts";
import { runRound } from "./kit/proof.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { programs } from "./programs.ts";
import { programs as drawn } from "./programs/draw.ts";
import { PATH } from "./programs/life.ts";
import type { Plant } from "./programs/life.ts";
import type { LooseCollection, LooseDb, LooseQuery } from "./programs/loose.ts";
import { runProgram } from "./programs/run.ts";
import { shortened } from "./programs/shorten.ts";
import { at, compare } from "./programs/values.ts";

proveQuickly(programs, { timeoutMillis: 300_000 });

test("a body that has lost so often that it runs alone is not held up by the turns of others", async () => {
  const counts = new Map<string, number>();
  await runRound(programs, 20_261_186, counts);
  expect(counts.get(programs.unit)).toBeGreaterThan(10);
});

test("each kind of step, refusal and background work comes up", async () => {
  const tally = new Map<string, number>();
  for (const program of fc.sample(drawn, { numRuns: 500, seed: 1 }))
    await runProgram(program, { tally });
  const atLeast = (least: number, ...all: readonly string[]): void => {
    for (const what of all) expect(tally.get(what) ?? 0, what).toBeGreaterThanOrEqual(least);
  };
  atLeast(30, "insert", "insertMany", "update", "updateBy", "inc", "push", "replace", "upsert");
  atLeast(30, "delete", "swap in a transaction", "delete in a transaction");
  atLeast(10, "updateWhere", "deleteWhere");
  for (const what of ["insert", "insertMany", "update", "replace", "upsert"])
    atLeast(1, `${what} refused: UniqueViolation`, `${what} refused: ValidationError`);
  for (const what of [
    "all",
    "first",
    "one",
    "count",
    "exists",
    "pages",
    "stream",
    "explain",
    "figures",
  ])
    atLeast(10, `${what} of some`);
  atLeast(30, "committed", "thrown", "race", "burst", "read in a snapshot");
  atLeast(5, "doomed", "ran again after a conflict", "write in a read-only transaction");
  atLeast(10, "snapshot held to the end", "stream read to the end later", "stream left");
  atLeast(3, "page after a held cursor", "page before a held cursor");
  atLeast(10, "checkpoint", "read only");
  atLeast(10, "reopened", "other indexes", "a schema that grew", "power cut");
  atLeast(5, "power cut that lost commits", "full scan refused", "clock set", "cleanupWal");
  atLeast(
    1,
    "opened by path",
    "opening refused: SchemaMismatch",
    "opening refused: UniqueViolation",
  );
  atLeast(50, "flushes", "compactions", "expired");
});

// ------------------------------------------------------------------ the test is tested

/** What is said of the mistake by the first of some programs that fails. */
async function foundOut(plant: Plant, engine: "memory" | "lsm" = "memory"): Promise<string> {
  for (const program of fc.sample(drawn, { numRuns: 150, seed: 2 })) {
    try {
      await runProgram({ ...program, engine }, { plant });
    } catch (error) {
      return String(error);
    }
  }
  return "nothing";
}
function onCommits(tap: CommitTap): Plant {
  return { engine: (engine) => tapped(engine, tap) };
}

test("planted: a delete that is lost, one in twenty, is found out", async () => {
  let deletes = 0;
  const isKept = ({ op }: WriteOp): boolean => op !== "del" || ++deletes % 20 > 0;
  const plant = onCommits((plan, commit) => commit({ ...plan, ops: plan.ops.filter(isKept) }));
  expect(await foundOut(plant)).toMatch(/Mismatch|Error/);
});

test("planted: a change of a count or sum that is lost, one in twenty, is found out", async () => {
  let merges = 0;
  const isKept = ({ op }: WriteOp): boolean => op !== "merge" || ++merges % 20 > 0;
  const plant = onCommits((plan, commit) => commit({ ...plan, ops: plan.ops.filter(isKept) }));
  expect(await foundOut(plant)).toMatch(/Mismatch|Error/);
});

test("planted: requirements that are not checked are found out", async () => {
  const plant = onCommits((plan, commit) => commit({ ...plan, requires: [] }));
  expect(await foundOut(plant)).toMatch(/not refused|UniqueViolation/);
});

test("planted: what was read is not checked: lost updates are found out", async () => {
  const plant = onCommits((plan, commit) => commit({ ...plan, readKeys: [], readRanges: [] }));
  expect(await foundOut(plant)).toMatch(/not serializable|no order of a burst/);
});

test("planted: an index that keeps its old entries when a document changes is found out", async () => {
  const plant = onCommits((plan, commit) => {
    const changes = plan.ops.some(({ op }) => op === "put");
    return commit({ ...plan, ops: plan.ops.filter(({ op }) => !changes || op !== "del") });
  });
  expect(await foundOut(plant)).toMatch(/rror/);
});

test("planted: a snapshot of the state before is found out", async () => {
  const plant: Plant = {
    engine: (engine) => {
      let before: ReturnType<typeof engine.snapshot> | undefined;
      return overlaid(engine, {
        snapshot: () => {
          const now = engine.snapshot();
          const given = before ?? now;
          before = engine.snapshot();
          return given;
        },
      });
    },
  };
  expect(await foundOut(plant)).toMatch(/rror/);
});

test("planted: acknowledging before the sync is found out", async () => {
  const plant = onCommits((plan, commit) => commit({ ...plan, durability: "memory" }));
  expect(await foundOut(plant, "lsm")).toMatch(/a power cut left what is none of/);
});

test("planted: a checkpoint without the newest commit is found out", async () => {
  let spares = 0;
  const plant: Plant = {
    engine: (engine, { files }) => {
      const real = engine as LsmEngine;
      let spare: string | undefined;
      const tap: CommitTap = async (plan, commit) => {
        spare = `${PATH}-spare-${++spares}`;
        await real.checkpoint(spare);
        return commit(plan);
      };
      return overlaid(tapped(real, tap) as LsmEngine, {
        checkpoint: async (directory) => {
          if (spare === undefined) return real.checkpoint(directory);
          files.makeDirectory(directory);
          for (const name of files.list(spare))
            files.rename(`${spare}/${name}`, `${directory}/${name}`);
          spare = undefined;
          return undefined as never;
        },
      });
    },
  };
  expect(await foundOut(plant, "lsm")).toMatch(/(all|count) of (things|others)|SchemaMismatch/);
});

/** The face of a database with some methods of its queries replaced, whichever way a query is reached. */
function facing(
  db: LooseDb,
  replace: (query: LooseQuery, name: string, path: string | undefined) => unknown,
): LooseDb {
  const wrapped = (query: LooseQuery, path: string | undefined): LooseQuery =>
    new Proxy(query, {
      get: (target, name) => {
        const replaced = replace(target, String(name), path);
        if (replaced !== undefined) return replaced;
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          const result: unknown = value.apply(target, args);
          const isQuery =
            typeof (result as Partial<LooseQuery> | undefined)?.orderBy === "function";
          const first = path ?? (name === "orderBy" ? String(args[0]) : undefined);
          return isQuery ? wrapped(result as LooseQuery, first) : result;
        };
      },
    });
  const collections = {
    things: wrapped(db.things, undefined) as LooseCollection,
    others: wrapped(db.others, undefined) as LooseCollection,
  };
  return overlaid(db, collections);
}

test("planted: rows that are equal come in another order: found out", async () => {
  const plant: Plant = {
    db: (db) =>
      facing(db, (query, name, path) => {
        if (name !== "all" || path === undefined) return undefined;
        return async () => {
          const rows = await query.all();
          for (let i = 1; i < rows.length; i++)
            if (compare(at(rows[i], path), at(rows[i - 1], path)) === 0)
              rows.splice(i - 1, 2, rows[i]!, rows[i - 1]!);
          return rows;
        };
      }),
  };
  expect(await foundOut(plant)).toMatch(/all of (things|others)/);
});

test("planted: a count that still counts a deleted document is found out", async () => {
  const plant: Plant = {
    db: (db) => {
      let deleted = 0;
      return facing(db, (query, name) => {
        if (name === "delete")
          return async (id: string) => {
            const wasThere = await (query as LooseCollection).delete(id);
            deleted += wasThere ? 1 : 0;
            return wasThere;
          };
        return name === "count" ? async () => (await query.count()) + deleted : undefined;
      });
    },
  };
  expect(await foundOut(plant)).toMatch(/count of (things|others)/);
});

test("what fails is told without the steps that it does not need", async () => {
  const plant = onCommits((plan, commit) => commit({ ...plan, requires: [] }));
  const isFailing = async (program: Parameters<typeof runProgram>[0]): Promise<boolean> =>
    runProgram(program, { plant }).then(
      () => false,
      () => true,
    );
  const all = fc
    .sample(drawn, { numRuns: 150, seed: 2 })
    .map((program): typeof program => ({ ...program, engine: "memory" }));
  for (const program of all) {
    if (program.steps.length < 15 || !(await isFailing(program))) continue;
    const shorter = await shortened(program, isFailing, 20_000);
    expect(await isFailing(shorter)).toBe(true);
    expect(shorter.steps.length).toBeLessThan(5);
    return;
  }
  expect.fail("no long program failed");
});
