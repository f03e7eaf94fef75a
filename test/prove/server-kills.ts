/**
 * Programs on one PostgreSQL server that is killed again and again, for as many seconds as are asked for; then everything
 * is counted: `npx tsx test/prove/server-kills.ts 30`. Not among the proofs, for its rounds do not follow from a number.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { collection, inc, open, StorageError, UniqueViolation } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { z } from "zod";
import { startServer } from "../support/postgres/start-server.ts";

const SECONDS = Number(process.argv[2] ?? 30);
const PROGRAMS = 3;
const WORKERS = 4;
const ACCOUNTS = 12;
/** Long enough for a server to come back. */
const timeoutMillis = 60_000;

const collections = {
  accounts: collection("accounts", z.object({ balance: z.number().int(), moves: z.number() })),
  moves: collection(
    "moves",
    z.object({ key: z.string(), worker: z.string(), amount: z.number() }),
    {
      indexes: {
        byKey: { on: ["key"], unique: true },
        byWorker: ["worker", "amount"],
        perWorker: { count: true, by: ["worker"] },
        moved: { sum: "amount", by: ["worker"] },
      },
    },
  ),
};

const server = await startServer({ durable: true });
const openOne = () => open({ engine: postgres({ url: server.url }) }, { collections });
const programs = await Promise.all(Array.from({ length: PROGRAMS }, openOne));
const accounts = await programs[0]!.accounts.insertMany(
  Array.from({ length: ACCOUNTS }, () => ({ balance: 1_000, moves: 0 })),
);

const done = new Map<string, number>();
let unknown = 0;
let twice = 0;
let isOver = false;
const pick = (): (typeof accounts)[number] => accounts[Math.floor(Math.random() * ACCOUNTS)]!;

async function work(program: (typeof programs)[number], worker: string): Promise<void> {
  for (let n = 0; !isOver; n++) {
    const amount = 1 + (n % 30);
    const [from, to] = [pick(), pick()];
    const move = { key: `${worker}/${n}`, worker, amount };
    try {
      await program.transaction(
        async (tx) => {
          const { balance } = await tx.accounts.getOrThrow(from.id);
          await tx.accounts.update(from.id, { balance: balance - amount, moves: inc() });
          await tx.accounts.update(to.id, { balance: inc(amount), moves: inc() });
          await tx.moves.insert(move);
        },
        { timeoutMillis },
      );
      done.set(worker, (done.get(worker) ?? 0) + 1);
      if (n % 10 !== 0) continue;
      // Its key is taken, whoever asks, and however often the server has died meanwhile.
      await program
        .transaction((tx) => tx.moves.insert(move), { timeoutMillis })
        .then(
          () => twice++,
          (error: unknown) => {
            if (!(error instanceof UniqueViolation)) throw error;
          },
        );
    } catch (error) {
      if (!(error instanceof StorageError && error.committed === "unknown")) throw error;
      unknown++;
    }
  }
}

const workers = programs.flatMap((program, p) =>
  Array.from({ length: WORKERS }, (_, w) => work(program, `w${p}${w}`)),
);
// An error of one is told at the end, by its name.
const ended = Promise.allSettled(workers);
let kills = 0;
for (const end = Date.now() + SECONDS * 1_000; Date.now() < end;) {
  await sleep(1_000 + Math.random() * 2_000);
  await server.restart();
  kills++;
}
isOver = true;
const problems = (await ended).flatMap((one) =>
  one.status === "rejected" ? [String(one.reason)] : [],
);

await using reader = await openOne();
const after = await reader.accounts.all();
const sum = after.reduce((total, { balance }) => total + balance, 0);
if (sum !== ACCOUNTS * 1_000) problems.push(`the sum is ${sum}`);
const stored = await reader.moves.count();
const acknowledged = [...done.values()].reduce((total, count) => total + count, 0);
if (stored < acknowledged || stored > acknowledged + unknown)
  problems.push(`${stored} moves are there, ${acknowledged} were acknowledged`);
const counted = after.reduce((total, { moves }) => total + moves, 0);
if (counted !== 2 * stored) problems.push(`${counted} moves were counted, ${stored} are there`);
if (twice > 0) problems.push(`${twice} unique keys are there twice`);
for (const [worker, count] of done) {
  const found = await reader.moves.where({ worker }).count();
  if (found < count) problems.push(`${worker}: ${count} acknowledged, ${found} found`);
}
problems.push(...(await reader.verify()).problems);
console.log(
  `${kills} kills of the server in ${SECONDS} s under ${PROGRAMS * WORKERS} workers: ${acknowledged} transactions acknowledged, ${unknown} of unknown outcome, ${stored} there.`,
);
for (const program of programs) await program.close();
await server.stop();
if (problems.length > 0) throw new Error(problems.join("\n"));
console.log("Nothing acknowledged is lost, nothing happened twice.");
