/**
 * A double-entry ledger: nothing but entries, and each transfer writes two of them that add up to zero. A balance is not
 * stored anywhere; it is the sum of an account's entries, which an index keeps in the same commit. Money is whole cents,
 * as bigint, so that no sum is ever rounded.
 *
 * Always true:
 * (1) All entries add up to zero: the world has paid in what the customers have.
 * (2) No customer's balance is below zero: it is read in the transaction that lowers it, and who has read a balance
 *     that another commit changes runs again.
 */
import { collection, ref } from "kotobadb";
import type { Db, DocOf } from "kotobadb";
import { z } from "zod";

const Accounts = collection(
  "accounts",
  z.object({ name: z.string().min(1), kind: z.enum(["customer", "world"]).default("customer") }),
  { indexes: { byName: { on: ["name"], unique: true } } },
);
const Transfers = collection("transfers", z.object({ memo: z.string() }));
const Entries = collection(
  "entries",
  z.object({
    accountId: ref("accounts"),
    transferId: ref("transfers"),
    cents: z.bigint(),
    at: z.date(),
  }),
  {
    indexes: {
      statement: ["accountId", "-at"],
      ofTransfer: ["transferId"],
      balance: { sum: "cents", by: ["accountId"] },
      everything: { sum: "cents" },
    },
  },
);
export const collections = { accounts: Accounts, transfers: Transfers, entries: Entries };
export const relations = {
  entries: {
    // What has entries is never deleted.
    account: { one: "accounts", via: "accountId", onDelete: "restrict" },
    transfer: { one: "transfers", via: "transferId", onDelete: "restrict" },
  },
} as const;

export type Ledger = Db<typeof collections, typeof relations>;
export type Account = DocOf<typeof Accounts>;

export class NotEnoughMoney extends Error {}

/** Exact, and one cell of an index, however many entries there are. Of the database, or as a transaction sees it. */
export async function balanceOf(
  { entries }: Pick<Ledger, "entries">,
  { id: accountId }: Account,
): Promise<bigint> {
  const { balance } = await entries.where({ accountId }).aggregate({ balance: { sum: "cents" } });
  return balance;
}

/** @throws NotEnoughMoney where a customer has not as much; nothing is written then. */
export async function transfer(
  ledger: Ledger,
  from: Account,
  to: Account,
  cents: bigint,
  memo: string,
): Promise<{ readonly attempts: number }> {
  if (cents <= 0n) throw new RangeError("a transfer moves more than nothing");
  return ledger.transaction(async (tx) => {
    // Only the payer's balance is read. A deposit is added without reading: many may pay the same account at once, and
    // none of them has a conflict over it.
    if (from.kind === "customer" && (await balanceOf(tx, from)) < cents)
      throw new NotEnoughMoney(`${from.name} has less than ${money(cents)}`);
    const { id: transferId } = await tx.transfers.insert({ memo });
    const at = new Date();
    await tx.entries.insertMany([
      { accountId: from.id, transferId, cents: -cents, at },
      { accountId: to.id, transferId, cents, at },
    ]);
    return { attempts: tx.attempt };
  });
}

/** 1234n is "12.34". */
export function money(cents: bigint): string {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
