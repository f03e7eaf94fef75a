import { open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { z } from "zod";

const AccountSchema = z.object({ owner: z.string(), balance: z.number().int().min(0) });
const accountCount = 10;
const transferCount = 200;

// A folder, or a server: postgres://…
const target = process.argv[2] ?? ":memory:";
const isServer = target.startsWith("postgres:");
await using db = await open(isServer ? { engine: postgres({ url: target }) } : target);
const accounts = db.collection("accounts", AccountSchema);
const opened = await accounts.insertMany(
  Array.from({ length: accountCount }, (_, n) => ({ owner: `owner ${n}`, balance: 100 })),
);

let refused = 0;
let runAgain = 0;
const started = performance.now();
await Promise.all(
  Array.from({ length: transferCount }, async (_, n) => {
    const from = opened[n % accountCount]!;
    const to = opened[(n * 7 + 3) % accountCount]!;
    const moved = await db.transaction(async (tx) => {
      if (tx.attempt > 1) runAgain++;
      const book = tx.collection(accounts);
      const source = await book.getOrThrow(from.id);
      const amount = 1 + (n % 30);
      if (source.balance < amount) return false;
      await book.update(from.id, (account) => ({ balance: account.balance - amount }));
      await book.update(to.id, (account) => ({ balance: account.balance + amount }));
      return true;
    });
    if (!moved) refused++;
  }),
);
const millis = performance.now() - started;

const after = await accounts.orderBy("owner").all();
for (const account of after)
  console.log(account.owner.padEnd(10), String(account.balance).padStart(5));
const sum = after.reduce((total, account) => total + account.balance, 0);
console.log(
  `${transferCount} transfers at once in ${millis.toFixed(0)} ms, ${refused} refused for want of money, ${runAgain} run again.`,
);
console.log(`The sum is ${sum}.`);
// On a server, others may run beside this one; each has opened its accounts with as much.
if (sum !== after.length * 100) throw new Error(`Money was made or lost: ${sum}`);
