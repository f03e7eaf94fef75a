/**
 * New indexes over stored documents, built in the background on real files, and what reads and writes notice of it:
 * `npx tsx bench/micro/index-build.ts [directory]`. Figures only. The same calls are timed before the build and while it runs,
 * one after the other with a turn of the event loop between them, as a server has.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { collection, open } from "../../src/index.ts";
import type { Db } from "../../src/index.ts";

const COUNT = Number(process.env["COUNT"] ?? "100000");
const shape = z.object({ email: z.string(), name: z.string(), age: z.number(), city: z.string() });
const Before = collection("people", shape);
const After = collection("people", shape, {
  indexes: {
    byEmail: { on: ["email"], unique: true },
    byCity: ["city", "-age"],
    perCity: { count: true, by: ["city"] },
  },
});
type People = Db<{ people: typeof Before }>["people"];

const person = (n: number) => ({
  email: `${Math.imul(n, 0x9e3779b1) >>> 0}.${n}@example.org`,
  name: `Person ${n}`,
  age: n % 90,
  city: `City ${n % 997}`,
});

let next = COUNT;
/** Milliseconds of single reads and writes, until `isOver`. */
async function latencies(
  people: People,
  ids: readonly string[],
  isOver: (calls: number) => boolean,
): Promise<Record<"get" | "insert" | "update", number[]>> {
  const found = { get: [] as number[], insert: [] as number[], update: [] as number[] };
  for (let i = 0; !isOver(i); i++) {
    const id = ids[Math.imul(i, 7_919) % ids.length] as never;
    const calls = {
      get: () => people.get(id),
      insert: () => people.insert(person(next++)),
      update: () => people.update(id, { age: i % 90 }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const start = performance.now();
      // As a request would: it comes when it comes, in a turn of its own.
      await sleep(0);
      await call();
      found[name as keyof typeof found].push(performance.now() - start);
    }
  }
  return found;
}

function show(what: string, found: Record<string, number[]>): void {
  for (const [name, list] of Object.entries(found)) {
    list.sort((a, b) => a - b);
    const at = (part: number): string =>
      list[Math.min(list.length - 1, Math.floor(list.length * part))]!.toFixed(2).padStart(8);
    console.log(
      `${what.padEnd(8)} ${name.padEnd(7)} ${`${list.length}`.padStart(6)} calls  p50 ${at(0.5)}  p99 ${at(0.99)}  most ${at(1)} ms`,
    );
  }
}

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kotobadb-bench-"));
try {
  const before = await open(folder, { collections: { people: Before } });
  await before.people.load(Array.from({ length: COUNT }, (_, n) => person(n)));
  const ids = (await before.people.select("id").all()).map(({ id }) => id as string);
  show("before", await latencies(before.people, ids, (calls) => calls >= 300));
  await before.close();
  let millis = 0;
  let isBuilt = false;
  const after = await open(folder, {
    collections: { people: After },
    onEvent: (event) => {
      if (event.type === "index-build-failure") throw event.error;
      if (event.type !== "index-build-end") return;
      isBuilt = true;
      ({ millis } = event);
    },
  });
  const opened = performance.now();
  await after.people.get(ids[0] as never);
  console.log(`first use ${(performance.now() - opened).toFixed(0)} ms`);
  show("building", await latencies(after.people, ids, () => isBuilt));
  console.log(`built in ${(millis / 1_000).toFixed(1)} s beside them`);
  await after.ready();
  show("ready", await latencies(after.people, ids, (calls) => calls >= 300));
  const { ok } = await after.verify();
  console.log(`verify: ${ok}`);
  await after.close();
  const alone = await open(folder, {
    collections: {
      people: collection("people", shape, { indexes: { byCity: ["city", "age"] } }),
    },
  });
  const start = performance.now();
  await alone.ready();
  console.log(`one index, nobody else: ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  await alone.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
