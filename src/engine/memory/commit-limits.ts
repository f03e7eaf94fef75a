/** The sizes that the memory engine takes. */
import { PORTABLE_LIMITS } from "../contract/index.ts";
import type { Limits } from "../contract/index.ts";

/** What the local engines take: a key fits into one block of a file, a commit into memory a few times over. */
const LOCAL_LIMITS: Limits = {
  keyBytes: 4_096,
  valueBytes: 32 << 20,
  transactionBytes: 256 << 20,
  transactionMillis: Infinity,
  snapshotMillis: Infinity,
};

/** 'portable': what holds on every engine. Times are told, not kept: this engine has no clock. */
export function limitsOf(option: "local" | "portable" | Limits): Limits {
  if (option === "local") return LOCAL_LIMITS;
  return option === "portable" ? PORTABLE_LIMITS : option;
}
