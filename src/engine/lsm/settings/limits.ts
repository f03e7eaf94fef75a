/** The bounds of the local engine, each with its reason, and the relations between them. */
import { assert } from "../../../base/index.ts";
import type { Limits } from "../../contract/index.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;

/** Keys live in every index block and filter; longer ones would make an index larger than its data. */
const KEY_BYTES_MAX: number = 4 * KIB;
/** A value is read whole and copied once into a page; larger things belong into several documents. */
const VALUE_BYTES_MAX: number = 32 * MIB;
/** A commit is one record of the log and lies whole in memory, once in the log's buffer and once in the memtable. */
const COMMIT_BYTES_MAX: number = 256 * MIB;
/**
 * How long what others committed is kept for the validation of open transactions. A transaction that read before that
 * and still wants to write fails with TooOld: it would have lost most races anyway.
 */
export const TRANSACTION_MILLIS_MAX = 10_000;
/** How much of it is kept: keys of recent commits, in bytes with their bookkeeping. */
export const RECENT_COMMITS_BYTES_MAX: number = 64 * MIB;

export const LSM_LIMITS: Limits = {
  keyBytes: KEY_BYTES_MAX,
  valueBytes: VALUE_BYTES_MAX,
  transactionBytes: COMMIT_BYTES_MAX,
  transactionMillis: TRANSACTION_MILLIS_MAX,
  snapshotMillis: Infinity,
};

assert(
  KEY_BYTES_MAX + VALUE_BYTES_MAX < COMMIT_BYTES_MAX,
  "the largest row fits into the largest commit",
);
assert(COMMIT_BYTES_MAX < 2 ** 31, "offsets inside one commit fit into 31 bits");
