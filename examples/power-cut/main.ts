import { collection, inc, open } from "kotobadb";
import type { Db } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { z } from "zod";

const collections = {
  accounts: collection("accounts", z.object({ owner: z.string(), balance: z.number().int() }), {
    indexes: { byOwner: { on: ["owner"], unique: true } },
  }),
};
type Bank = Db<typeof collections>;

// ---------------------------------------------------------------- the application

async function openAccounts(bank: Bank): Promise<void> {
  await bank.accounts.insertMany([
    { owner: "Ada", balance: 100 },
    { owner: "Grace", balance: 100 },
  ]);
}

async function pay(bank: Bank, from: string, to: string, amount: number): Promise<void> {
  await bank.transaction(async (tx) => {
    const payer = await tx.accounts.find({ owner: from });
    const payee = await tx.accounts.find({ owner: to });
    if (payer === undefined || payee === undefined) throw new Error("no such account");
    await tx.accounts.update(payer.id, { balance: inc(-amount) });
    await tx.accounts.update(payee.id, { balance: inc(amount) });
  });
}

// ---------------------------------------------------------------- its test

const PAYMENTS = 10;
const host = new SimulatedHost({ seed: 7 });
/** What a power cut would leave, and how many payments had been acknowledged by then. */
const disks: { readonly disk: SimulatedHost; readonly paid: number }[] = [];
let paid = 0;
host.onCall = ({ change }) => {
  if (change !== undefined) disks.push({ disk: host.afterPowerCut("seeded", change), paid });
};

const bank = await open("/bank", { collections, host });
await openAccounts(bank);
const accountsOpenedAt = disks.length;
for (; paid < PAYMENTS; paid++) await pay(bank, "Ada", "Grace", 1);
await bank.close();

for (const [i, { disk, paid: atLeast }] of disks.entries()) {
  const after = await open("/bank", { collections, host: disk });
  const all = await after.accounts.orderBy("owner").all();
  const [ada, grace] = all.map(({ balance }) => balance);
  if (i >= accountsOpenedAt && all.length !== 2) throw new Error(`cut ${i}: an account is lost`);
  if (all.length > 0 && ada! + grace! !== 200) throw new Error(`cut ${i}: money is lost`);
  if (all.length > 0 && grace! < 100 + atLeast) throw new Error(`cut ${i}: a payment is lost`);
  await after.close();
}
console.log(`${disks.length} power cuts, and the money adds up after each.`);
