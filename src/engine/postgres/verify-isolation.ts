/**
 * Asks the server itself whether its transactions are serializable: two that contradict each other are begun and
 * committed, and one must be refused. A setting that says so is no proof; a pooler, a fork of the server or a standby in
 * between may make less of it.
 */
import { concatBytes, prefixEnd } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CONFLICT, StorageError, prefixRange } from "../contract/index.ts";
import type { CommitPlan, EngineTransaction, StorageEngine } from "../contract/index.ts";

/** Behind all keys of the layers above, none of which begins with FF. */
const SCRATCH: Bytes = new TextEncoder().encode("isolation/");

type Engine = Pick<StorageEngine, "begin" | "write">;

/** What one of two transactions has read, and which key it is to write. */
interface Probed {
  readonly read: Pick<CommitPlan, "readKeys" | "readRanges">;
  readonly write: Bytes;
}
type Probe = (transaction: EngineTransaction, which: 0 | 1, place: Bytes) => Promise<Probed>;

/** Each reads both keys, and writes the one that the other has read too. */
const writeSkew: Probe = async (transaction, which, place) => {
  const keys = [0, 1].map((at) => concatBytes(place, Uint8Array.of(at)));
  await transaction.getMany(keys);
  return { read: { readKeys: keys, readRanges: [] }, write: keys[which]! };
};

/** Each counts a range, and adds a row to it that the other has not seen. */
const phantom: Probe = async (transaction, which, place) => {
  const range = prefixRange(place);
  await transaction.scan(range).next();
  const write = concatBytes(place, Uint8Array.of(2 + which));
  return { read: { readKeys: [], readRanges: [range] }, write };
};

/** @throws StorageError 'IsolationTooWeak' with what was let through. */
export async function verifyIsolation(engine: Engine, random: Bytes): Promise<void> {
  const place = concatBytes(Uint8Array.of(0xff), SCRATCH, random);
  try {
    for (const [name, probe] of Object.entries({ writeSkew, phantom })) {
      if (await bothStand(engine, probe, place))
        throw new StorageError("IsolationTooWeak", { letThrough: name });
    }
  } finally {
    const range = { start: place, end: prefixEnd(place) };
    await engine.write({ ops: [{ op: "delRange", range }], requires: [] });
  }
}

async function bothStand(engine: Engine, probe: Probe, place: Bytes): Promise<boolean> {
  const transactions = [await engine.begin(), await engine.begin()] as const;
  try {
    const probed: Probed[] = [];
    for (const which of [0, 1] as const)
      probed.push(await probe(transactions[which], which, place));
    for (const which of [0, 1] as const) {
      const { read, write } = probed[which]!;
      const ops = [{ op: "put" as const, key: write, value: Uint8Array.of(1) }];
      await transactions[which].commit({ ...read, ops, requires: [] });
    }
    return true;
  } catch (error) {
    if (error === CONFLICT) return false;
    throw error;
  } finally {
    for (const transaction of transactions) transaction.abort();
  }
}
