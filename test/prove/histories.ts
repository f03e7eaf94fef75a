/**
 * Random transactions side by side, on rows and through the public API on documents, while tables are flushed and
 * merged, calls to the disk fail, the power is cut and the database is opened again. Each history, from the first commit
 * to the read of everything at the end, must be explained by one serial order that agrees with what its clients saw and
 * when; what was acknowledged as durable is in it, what nobody could tell of is in it whole or not at all.
 */
import { checkHistory } from "kotobadb/testing";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { draw, record } from "./histories/draw.ts";

const UNIT = "histories of 300 transactions";
/** A history of documents costs as much as eight of rows, and is one of rows, too: one of these is of documents. */
const HISTORIES_OF_A_ROUND = 20;

async function round(seed: number, counts: Counts): Promise<void> {
  for (let i = 0; i < HISTORIES_OF_A_ROUND; i++) {
    const own = seed * HISTORIES_OF_A_ROUND + i;
    const drawn = draw(i === 0 ? "documents" : "rows", own);
    const { kind, of, trouble } = drawn;
    const where = `${of} on ${kind}, trouble: ${trouble}`;
    const { history, machine } = await record(drawn, own).catch((cause: unknown) => {
      throw new Error(`${where}: ${cause instanceof Error ? cause.stack : String(cause)}`, {
        cause,
      });
    });
    const { aborted, committed, ok, text, unknown } = checkHistory(history);
    if (!ok) throw new Error(`${where}: ${text}`);
    count(counts, UNIT);
    count(counts, `of ${of}`);
    count(counts, `on ${kind}`);
    if (trouble !== "none") count(counts, `with ${trouble}`);
    count(counts, "transactions committed", committed);
    count(counts, "transactions and attempts aborted", aborted);
    count(counts, "transactions of unknown outcome", unknown);
    count(counts, "power cuts", machine.powerCuts);
    count(counts, "calls that failed", machine.faults);
  }
}

export const histories: Proof = {
  name: "histories",
  unit: UNIT,
  quick: 100,
  full: 10_000,
  share: 15,
  round,
};
