/**
 * What may be said of a disk after a fault.
 *
 * After an error that the disk told of, only the whole truth will do. After a lie, one of three:
 * (1) the right answer;
 * (2) an error with a type that names the file: the damage was seen;
 * (3) an exact prefix of the commits, where nothing on the disk can tell that more was there: a record of the log that
 *     never arrived, or does not read back, looks like one that was never written, unless something behind it says that
 *     it was durable. How much of what was acknowledged before must be there: sureAfterLie in kinds.ts.
 * Never a wrong value, and never a hole.
 */
import { KotobaError } from "kotobadb";
import { CorruptionError, StorageError } from "kotobadb/engine";
import { VerifyFound } from "../../engine/lsm/workload.ts";

export type Outcome = "all there" | "damage told" | "newest commits missing unseen";

/**
 * Runs a check of a disk that was lied to. `check` throws whatever is wrong, and gives how many commits are there;
 * `promised` so many were acknowledged.
 */
export async function outcomeOfLie(
  check: () => Promise<number>,
  promised: number,
): Promise<Outcome> {
  try {
    return (await check()) >= promised ? "all there" : "newest commits missing unseen";
  } catch (error) {
    if (error instanceof VerifyFound || namesFile(error)) return "damage told";
    throw error;
  }
}

function namesFile(error: unknown): boolean {
  if (error instanceof CorruptionError) return error.file !== "";
  return error instanceof StorageError && typeof error.details["file"] === "string";
}

/** Errors that a call may end with when the disk told the truth: of the storage, and never that a file is damaged. */
export function assertHonestError(error: unknown, isLie: boolean): void {
  if (!(error instanceof KotobaError))
    throw new Error(`an error without a type: ${String(error)}`, { cause: error });
  if (!isLie && error instanceof CorruptionError)
    throw new Error(`a file was called damaged, and none is: ${error.message}`, { cause: error });
}
