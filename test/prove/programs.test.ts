/** The quick share of the programs, and the test of the test: everything comes up, and planted mistakes are found out. */
import fc from "fast-check";
import type { LsmEngine, WriteOp } from "kotobadb/engine";
import { expect, test } from "vitest";
import { Positions } from "../../src/collections/build/positions.ts";
import { DocumentUpgrade } from "../../src/collections/evolution/document-upgrade.ts";
import { StoredCollection } from "../../src/collections/stored-collection.ts";
import { overlaid } from "../../src/testing/kit/index.ts";
import { EXCLUSIVE_AFTER_LOSSES } from "../../src/transaction/backoff.ts";
import { tapped } from "./kit/engine-tap.ts";
import type { CommitTap } from "./kit/engine-tap.ts";
import { turns } from "./kit/turns.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { patched } from "./planted/defect.ts";
import { programs } from "./programs.ts";
import { programs as drawn } from "./programs/draw.ts";
import { PATH } from "./programs/life.ts";
import type { Plant } from "./programs/life.ts";
import type { LooseCollection, LooseDb, LooseQuery } from "./programs/loose.ts";
import type { Body, Of, Program, Write } from "./programs/program.ts";
import { runProgram } from "./programs/run.ts";
import { shortened } from "./programs/shorten.ts";
import { at, compare } from "./programs/values.ts";

proveQuickly(programs, { timeoutMillis: 300_000 });

test("a body that has lost so often that it runs alone is not held up by the turns of others", async () => {
  const input = { a: 1, n: 1, s: null, flag: true };
  const more: Of<Write> = { do: "inc", pick: 0, field: "n", by: 1, on: 0 };
  const body: Body = { steps: [more, more], throws: false, readOnly: false, durability: undefined };
  // The first begins; then, each time, it does one thing, another writes the same, and it has lost when it has done more.
  const rounds = EXCLUSIVE_AFTER_LOSSES + 1;
  const turns = [0, 1, ...Array.from({ length: rounds }, () => [0, 2, 0]).flat()];
  const direct = Array.from({ length: rounds }, () => more);
  const tally = new Map<string, number>();
  const program: Program = {
    pace: undefined,
    engine: "memory",
    seed: 1,
    opening: {
      options: undefined,
      durability: undefined,
      fullScan: "allow",
      readMillis: 0,
      lazy: false,
    },
    edition: { version: 0, schema: 0, indexes: 0 },
    steps: [
      { do: "insert", input, id: undefined, on: 0 },
      { do: "race", bodies: [body, body], direct, turns },
    ],
  };
  await runProgram(program, { tally });
  expect(tally.get("ran alone")).toBe(1);
  expect(tally.get("committed")).toBe(2);
});

test("each kind of step, refusal and background work comes up", async () => {
  const tally = new Map<string, number>();
  const restore = patched(
    Positions.prototype,
    "row",
    (row) =>
      function counted(this: Positions, ...position) {
        const what = "batch of a build in the background";
        tally.set(what, (tally.get(what) ?? 0) + 1);
        return row.apply(this, position);
      },
  );
  try {
    for (const program of fc.sample(drawn, { numRuns: 500, seed: 1 }))
      await runProgram(program, { tally });
  } finally {
    restore();
  }
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
  atLeast(30, "committed", "thrown", "race", "burst");
  atLeast(15, "read in a snapshot");
  atLeast(5, "doomed", "ran again after a conflict", "write in a read-only transaction");
  atLeast(10, "snapshot held to the end", "stream read to the end later");
  atLeast(3, "stream left");
  atLeast(3, "page after a held cursor", "page before a held cursor");
  atLeast(10, "checkpoint", "read only");
  atLeast(10, "reopened", "other indexes", "a schema that grew", "power cut");
  atLeast(10, "a later version");
  atLeast(3, "opening refused: newer", "opening refused: EvolutionFailed");
  atLeast(3, "power cut while something is built", "read only of what is not built");
  atLeast(1, "closed while something is built", "IndexNotReady of a write");
  atLeast(3, "read only by a later version", "IndexNotReady of a read");
  atLeast(10, "written while something is built", "read while something is built");
  atLeast(10, "batch of a build in the background");
  atLeast(5, "power cut that lost commits", "full scan refused", "clock set", "cleanupWal");
  atLeast(
    1,
    "opened by path",
    "opening refused: SchemaMismatch",
    "opening refused: UniqueViolation",
  );
  atLeast(50, "flushes", "compactions", "expired");
}, 300_000);

// ------------------------------------------------------------------ the test is tested

/** What is said of the mistake by the first of some programs that fails. */
async function foundOut(plant: Plant, engine: "memory" | "lsm" = "memory"): Promise<string> {
  const some = fc.sample(drawn, { numRuns: 150, seed: 2 });
  return firstFailure(
    some.map((program) => ({ ...program, engine })),
    plant,
  );
}
/** The same among programs of openings alone, which build indexes slowly, few documents at a time. */
async function foundOutBuilding(plant: Plant = {}, batch = 1): Promise<string> {
  const pace = { first: batch, batch, pauseTurns: 4 };
  const some = fc
    .sample(drawn, { numRuns: 2_000, seed: 2 })
    .map(({ steps, ...program }): Program => ({
      ...program,
      pace,
      engine: "memory",
      steps: [steps[0]!, ...steps.slice(1).filter((step) => step.do === "reopen")],
    }));
  return firstFailure(
    some.filter(({ steps }) => steps.length > 1),
    plant,
  );
}
async function firstFailure(some: readonly Program[], plant: Plant): Promise<string> {
  for (const program of some) {
    try {
      await runProgram(program, { plant });
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
  expect(await foundOut(plant)).toMatch(
    /which does not exist|an entry that ".*" does not give|expected=the document that the entry/,
  );
});

test("planted: a change of a count or sum that is lost, one in twenty, is found out", async () => {
  let merges = 0;
  const isKept = ({ op }: WriteOp): boolean => op !== "merge" || ++merges % 20 > 0;
  const plant = onCommits((plan, commit) => commit({ ...plan, ops: plan.ops.filter(isKept) }));
  expect(await foundOut(plant)).toMatch(/holds .*its documents|count of things/);
});

test("planted: requirements that are not checked are found out", async () => {
  const plant = onCommits((plan, commit) => commit({ ...plan, requires: [] }));
  expect(await foundOut(plant)).toMatch(/not refused|UniqueViolation/);
});

test("planted: what was read is not checked: lost updates are found out", async () => {
  const plant = onCommits((plan, commit) => commit({ ...plan, readKeys: [], readRanges: [] }));
  expect(await foundOut(plant)).toMatch(
    /not serializable|no order of a burst|verify.*which does not exist/,
  );
});

test("planted: an index that keeps its old entries when a document changes is found out", async () => {
  const plant = onCommits((plan, commit) => {
    const changes = plan.ops.some(({ op }) => op === "put");
    return commit({ ...plan, ops: plan.ops.filter(({ op }) => !changes || op !== "del") });
  });
  expect(await foundOut(plant)).toMatch(/an entry that ".*" does not give|number of rows: found/);
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
  expect(await foundOut(plant)).toMatch(
    /(all|count|stream) of (things|others)|a stream read while others wrote/,
  );
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
        // One that is opened to be read must not change the disk, and neither must we.
        if (engine.capabilities.readOnly === true) return commit(plan);
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

/** So keys of the collection begin: its number, and what is stored under it. */
const [INDEXES, PASSES] = [2, 4];
const isOf = (space: number, op: WriteOp): boolean => op.op === "put" && op.key[1] === space;

test("planted: documents of earlier versions that are read as they were are found out", async () => {
  const restore = patched(DocumentUpgrade.prototype, "concerns", () => () => false);
  try {
    expect(await foundOutBuilding()).toMatch(
      /(of things|swap|update): found|(not|to be) refused with EvolutionFailed/,
    );
  } finally {
    restore();
  }
});

test("planted: a build that leaves out one entry in ten is found out", async () => {
  let entries = 0;
  const plant = onCommits((plan, commit) => {
    const isBatch = plan.ops.some((op) => isOf(PASSES, op));
    const isKept = (op: WriteOp): boolean => !isBatch || !isOf(INDEXES, op) || ++entries % 10 > 0;
    return commit({ ...plan, ops: plan.ops.filter(isKept) });
  });
  expect(await foundOutBuilding(plant)).toMatch(/verify.*lacks the document/s);
});

test("planted: how far a build has come, written in a commit before that of its batch, is found out", async () => {
  const plant: Plant = {
    engine: (engine) =>
      tapped(engine, async (plan, commit) => {
        const positions = plan.ops.filter((op) => isOf(PASSES, op));
        if (positions.length === 0) return commit(plan);
        const early = await engine.begin();
        await early.commit({ readKeys: [], readRanges: [], requires: [], ops: positions });
        await turns(4);
        return commit({
          ...plan,
          readRanges: plan.readRanges.filter(({ start }) => start[1] !== PASSES),
          ops: plan.ops.filter((op) => !isOf(PASSES, op)),
        });
      }),
  };
  expect(await foundOutBuilding(plant)).toMatch(
    /verify.*(lacks the document|its documents give)|count of (things|others)|a count of documents, found=-/s,
  );
});

test("planted: a batch that does not look whether a document was written meanwhile is found out", async () => {
  const plant: Plant = {
    engine: (engine) =>
      tapped(engine, async (plan, commit) => {
        // The last one of a pass leaves no position, but the row of its collection.
        const isBatch = plan.ops.some(
          (op) => isOf(PASSES, op) || (op.op === "put" && op.key[0] === 0),
        );
        if (!isBatch) return commit(plan);
        await turns(12);
        return commit({ ...plan, readKeys: [], readRanges: [] });
      }),
  };
  expect(await foundOutBuilding(plant, 2)).toMatch(
    /all of things|verify.*(an entry that|lacks|which does not exist|its documents give)/s,
  );
});

test("planted: tallies that are being built and miss what is written behind the build are found out", async () => {
  const restore = patched(Positions.prototype, "done", () => () => () => false);
  try {
    expect(await foundOutBuilding()).toMatch(
      /verify.*its documents give|count of (things|others)/s,
    );
  } finally {
    restore();
  }
});

test("planted: a key that nobody has, for which an index must be waited for, is found out", async () => {
  const restore = patched(StoredCollection.prototype, "mayBeHeld", () => isOfStrictPass);
  try {
    expect(await foundOutBuilding()).toMatch(/nothing is to be waited for: IndexNotReady/);
  } finally {
    restore();
  }
});
/** As it is known of every key, where somebody else has begun the build. */
function isOfStrictPass(this: StoredCollection, _: unknown, pass: number): boolean {
  return this.unready?.strictPass === pass;
}

test("planted: a key that a document has which is still to be written anew, given to another one, is found out", async () => {
  const restore = patched(StoredCollection.prototype, "mayBeHeld", () => () => false);
  try {
    expect(await foundOutBuilding()).toMatch(/not refused with UniqueViolation/);
  } finally {
    restore();
  }
});

test("planted: an opening to read that leaves a file behind is found out", async () => {
  let copies = 0;
  const plant: Plant = {
    engine: (engine, { files }) => {
      if (engine.capabilities.readOnly === true) {
        files.makeDirectory(`${PATH}-left-${++copies}`);
        files.open(`${PATH}-left-${copies}/trace`, "create").close();
      }
      return engine;
    },
  };
  expect(await foundOut(plant, "lsm")).toMatch(/opening it to read has changed the disk/);
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
