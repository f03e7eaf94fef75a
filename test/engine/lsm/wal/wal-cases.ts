/** Logs to test with: random commits, written to a simulated disk with syncs in between. */
import fc from "fast-check";
import { CorruptionError } from "../../../../src/engine/contract/index.ts";
import { WalWriter, readWal } from "../../../../src/engine/lsm/wal/index.ts";
import type { WalEnd, WalOp } from "../../../../src/engine/lsm/wal/index.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

export const storeId: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
export const logPath = "/data/000012.log";

export interface Commit {
  readonly sequence: number;
  readonly ops: readonly WalOp[];
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const put = (key: string, value: string): WalOp => ({
  kind: 1,
  key: text(key),
  value: text(value),
});

const opCase = fc
  .record({
    kind: fc.constantFrom(1, 2, 3, 4),
    key: fc.uint8Array({ maxLength: 12 }),
    value: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ kind, key, value }) => {
    const withoutValue = kind === 2 || kind === 4;
    return { kind, key, value: withoutValue ? new Uint8Array(0) : value } as WalOp;
  });

/** Commits with gaps in their sequences, as another log's commits would leave. */
export const commitsCase: fc.Arbitrary<Commit[]> = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 1_000_000 }),
      ops: fc.array(opCase, { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 6 },
  )
  .map((commits) => {
    let sequence = 0;
    return commits.map(({ gap, ops }) => ({ sequence: (sequence += gap), ops }));
  });

export function emptyHost(seed = 1): SimulatedHost {
  const host = new SimulatedHost({ seed });
  host.files.makeDirectory("/data");
  return host;
}

/** Room is made in steps of so many bytes. */
export const STEP = 64;

export function createLog(host: SimulatedHost, logNumber = 12, spare?: string): WalWriter {
  return WalWriter.create({ host, directory: "/data", storeId, stepBytes: STEP }, logNumber, spare);
}

/** The bytes of log 12 up to the end of its last record. */
export function recordsOf(host: SimulatedHost): Uint8Array {
  const bytes = host.contentOf(logPath);
  const replay = replayLog(host);
  return bytes.subarray(0, "end" in replay ? replay.end.validBytes : bytes.length);
}

/** Writes the commits to log 12, syncing after each one of `syncAfter`; gives the writer, not closed. */
export function writeLog(
  host: SimulatedHost,
  commits: readonly Commit[],
  syncAfter: (index: number) => boolean = () => true,
): WalWriter {
  const writer = createLog(host);
  commits.forEach(({ sequence, ops }, i) => {
    writer.append(sequence, ops);
    writer.writePending();
    if (syncAfter(i)) writer.syncNow();
  });
  return writer;
}

export type Replay =
  | { readonly commits: readonly Commit[]; readonly end: WalEnd }
  | { readonly commits: readonly Commit[]; readonly error: CorruptionError };

/** What reading log 12 gives: its commits, and how it ended. Errors other than CorruptionError pass through. */
export function replayLog(host: SimulatedHost, newest = true): Replay {
  const commits: Commit[] = [];
  try {
    const end = readWal(host, logPath, { logNumber: 12, storeId, newest }, (sequence, ops) => {
      commits.push({ sequence, ops: ops.map(copyOp) });
    });
    return { commits, end };
  } catch (cause) {
    if (cause instanceof CorruptionError) return { commits, error: cause };
    throw cause;
  }
}

function copyOp({ kind, key, value }: WalOp): WalOp {
  return { kind, key: Uint8Array.from(key), value: Uint8Array.from(value) };
}
