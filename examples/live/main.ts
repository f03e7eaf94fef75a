import { isDeepStrictEqual } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { collection, inc, open } from "kotobadb";
import type { DocOf } from "kotobadb";
import { z } from "zod";

const Runners = collection("runners", z.object({ name: z.string(), metres: z.number() }), {
  indexes: { byName: { on: ["name"], unique: true }, byMetres: ["-metres", "name"] },
});
type Runner = DocOf<typeof Runners>;
const names = ["Ada", "Barbara", "Edsger", "Grace", "Niklaus"];
const finish = 60;
const isTerminal = process.stdout.isTTY;

await using db = await open(process.argv[2] ?? ":memory:", {
  collections: { runners: Runners },
  changeLog: true,
});
const { runners } = db;

// The feed begins where it is first waited for: before the race.
const copy = new Map<string, Runner>();
const feed = runners.changes()[Symbol.asyncIterator]();
let next = feed.next();
const atTheStart = names.map((name) => ({ name, metres: 0 }));
for (const start of atTheStart)
  await runners.upsert({ name: start.name }, { create: start, update: start });

// Called again after each commit that changed one of these rows, and after no other.
let frames = 0;
const live = runners.orderBy("metres", "desc").live(({ rows, changed }) => {
  frames++;
  if (!isTerminal) return;
  if (frames > 1) process.stdout.write(`\u001b[${rows.length}A`);
  for (const row of rows) {
    const track = "=".repeat(Math.min(row.metres, finish)).padEnd(finish);
    console.log(`${row.name.padEnd(8)}|${track}|${changed.includes(row) ? " <" : "  "}`);
  }
});

async function race(name: string): Promise<void> {
  for (let metres = 0; metres < finish;) {
    await sleep(Math.random() * (isTerminal ? 150 : 20));
    const runner = await runners.find({ name });
    metres = (await runners.update(runner!.id, { metres: inc(1 + Math.floor(Math.random() * 5)) }))
      .metres;
  }
}
const arrival = Promise.all(names.map(race));

/** The copy knows nothing but the feed. */
const hasArrived = (): boolean =>
  copy.size === names.length && [...copy.values()].every(({ metres }) => metres >= finish);
let changes = 0;
while (!hasArrived()) {
  const { done, value: change } = await next;
  if (done === true) throw new Error("the feed ended before the race");
  next = feed.next();
  changes++;
  if (change.type === "delete") copy.delete(change.id);
  else copy.set(change.id, change.after);
}
await feed.return?.();
await arrival;
live.close();

const stored = await runners.all();
console.log(`${changes} changes came by the feed; the table was drawn ${frames} times.`);
if (
  !isDeepStrictEqual(
    stored.map(({ id }) => copy.get(id)),
    stored,
  )
)
  throw new Error("The copy is not what is stored.");
console.log("The copy that followed the feed is what is stored.");
