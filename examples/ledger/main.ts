import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "kotobadb";
import { balanceOf, collections, money, NotEnoughMoney, relations, transfer } from "./ledger.ts";
import type { Account, Ledger } from "./ledger.ts";

const names = ["Ada", "Barbara", "Edsger", "Grace", "Katherine", "Niklaus"];
const folder = await mkdtemp(join(tmpdir(), "kotobadb-ledger-"));
try {
  await using ledger = await open(folder, { collections, relations });
  const world = await ledger.accounts.insert({ name: "the world", kind: "world" });
  const customers = await ledger.accounts.insertMany(names.map((name) => ({ name })));
  for (const customer of customers) await transfer(ledger, world, customer, 100_00n, "opening");
  await moveMoney(ledger, customers, 500);
  await printBalances(ledger, [...customers, world]);
  await printStatement(ledger, customers[0]!);
  await audit(ledger, [...customers, world]);
} finally {
  await rm(folder, { recursive: true });
}

/** All at once, and many of them for more than the payer may have. */
async function moveMoney(ledger: Ledger, customers: readonly Account[], count: number) {
  let refused = 0;
  let runAgain = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const from = customers[n % customers.length]!;
      const to = customers[(n + 1 + (Math.floor(n / 6) % 5)) % customers.length]!;
      const cents = BigInt(1 + ((n * 7_919) % 90_00));
      try {
        const { attempts } = await transfer(ledger, from, to, cents, `invoice ${n}`);
        runAgain += attempts - 1;
      } catch (error) {
        if (!(error instanceof NotEnoughMoney)) throw error;
        refused++;
      }
    }),
  );
  const millis = Math.round(performance.now() - started);
  console.log(
    `${count} transfers at once in ${millis} ms: ${count - refused} made, ${refused} refused for want of money, ${runAgain} runs lost a race and were repeated.`,
  );
}

async function printBalances(ledger: Ledger, accounts: readonly Account[]): Promise<void> {
  console.log("\nBalances, each from one cell of an index");
  for (const account of accounts) {
    const balance = await balanceOf(ledger, account);
    console.log(`  ${account.name.padEnd(10)} ${money(balance).padStart(10)}`);
  }
}

/** Newest first, page by page; the balance after each entry is counted back from the one of today. */
async function printStatement(ledger: Ledger, account: Account): Promise<void> {
  const snapshot = ledger.snapshot();
  // One state for all pages and the balance, whatever is paid meanwhile.
  const statement = snapshot.entries
    .where({ accountId: account.id })
    .orderBy("at", "desc")
    .include("transfer");
  let balance = await balanceOf(snapshot, account);
  let after: string | null = null;
  for (let number = 1; number <= 2; number++) {
    console.log(`\nStatement of ${account.name}, page ${number}`);
    const page: Awaited<ReturnType<typeof statement.page>> = await statement.page({
      size: 4,
      after,
    });
    for (const { cents, transfer } of page.items) {
      const columns = [money(cents), money(balance)].map((text) => text.padStart(10)).join(" ");
      console.log(`  ${transfer.memo.padEnd(12)} ${columns}`);
      balance -= cents;
    }
    after = page.next;
  }
  snapshot.close();
}

/** What the indexes say is held against the entries themselves. */
async function audit(ledger: Ledger, accounts: readonly Account[]): Promise<void> {
  const added = new Map<string, bigint>();
  for await (const { accountId, cents } of ledger.entries.stream())
    added.set(accountId, (added.get(accountId) ?? 0n) + cents);
  const { sum } = await ledger.entries.aggregate({ sum: { sum: "cents" } });
  for (const account of accounts) {
    const balance = await balanceOf(ledger, account);
    if (balance !== added.get(account.id)) throw new Error(`${account.name}: the index is wrong`);
    if (balance < 0n && account.kind === "customer")
      throw new Error(`${account.name} is below zero`);
  }
  const { ok, problems } = await ledger.verify();
  if (sum !== 0n || !ok) throw new Error(`The books do not balance: ${sum} ${problems.join()}`);
  const entries = await ledger.entries.count();
  console.log(
    `\n${entries} entries, read one by one, say the same; they add up to ${money(sum)}, and no customer is below zero.`,
  );
}
