/** Manifests to test with: random tables and edits that fit, and a plain model of what they lead to. */
import fc from "fast-check";
import { compareBytes } from "../../../../src/base/index.ts";
import { CorruptionError } from "../../../../src/engine/contract/index.ts";
import { readManifest } from "../../../../src/engine/lsm/manifest/index.ts";
import type {
  ManifestState,
  TableMeta,
  VersionEdit,
} from "../../../../src/engine/lsm/manifest/index.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

export const storeId: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

export const firstState: ManifestState = {
  storeId,
  formatVersion: 2,
  tables: [],
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 0,
};

export function tableOf(fileNumber: number, more: Partial<TableMeta> = {}): TableMeta {
  return {
    fileNumber,
    level: 0,
    fileBytes: 4096,
    entries: 100,
    rangeDeletes: 0,
    smallestKey: Uint8Array.of(0x61),
    largestKey: Uint8Array.of(0x7a, 0xff),
    smallestSequence: 1,
    largestSequence: 70,
    tombstones: 3,
    dataBlocks: 2,
    denseBlocks: 1,
    rawBytes: 5000,
    writtenAtMillis: 1_000_000_000_000,
    fileCrc: 0xcbf43926,
    ...more,
  };
}

const tableCase = fc
  .record({
    level: fc.nat(6),
    fileBytes: fc.maxSafeNat(),
    entries: fc.nat(),
    rangeDeletes: fc.nat(1000),
    keys: fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 })),
    toEnd: fc.boolean(),
    sequences: fc.tuple(fc.nat(), fc.nat()),
    tombstones: fc.nat(),
    blocks: fc.tuple(fc.nat(), fc.nat()),
    rawBytes: fc.maxSafeNat(),
    writtenAtMillis: fc.maxSafeNat(),
    fileCrc: fc.integer({ min: 0, max: 0xffffffff }),
  })
  .map(({ keys, toEnd, sequences, blocks, ...more }) => {
    const [denseBlocks, dataBlocks] = [...blocks].sort((a, b) => a - b);
    const [smallestKey, largestKey] = [...keys].sort(compareBytes);
    const [smallestSequence, largestSequence] = [...sequences].sort((a, b) => a - b);
    return {
      ...more,
      dataBlocks: dataBlocks!,
      denseBlocks: denseBlocks!,
      smallestKey: smallestKey!,
      largestKey: toEnd ? undefined : largestKey!,
      smallestSequence: smallestSequence!,
      largestSequence: largestSequence!,
    };
  });

const stepCase = fc.record({
  added: fc.array(tableCase, { maxLength: 3 }),
  remove: fc.array(fc.nat(10), { maxLength: 2 }),
  move: fc.boolean(),
  logSteps: fc.option(fc.nat(2), { nil: undefined }),
  sequenceSteps: fc.option(fc.nat(1000), { nil: undefined }),
});

export interface Step {
  readonly edit: VersionEdit;
  /** The state that the model has after the edit. */
  readonly state: ManifestState;
}

/** Edits that fit, each with the state after it. */
export const stepsCase: fc.Arbitrary<Step[]> = fc.array(stepCase, { maxLength: 5 }).map((cases) => {
  let state = firstState;
  return cases.map(({ added, remove, move, logSteps, sequenceSteps }) => {
    const gone = new Set(
      remove.flatMap((i) => (i < state.tables.length ? [state.tables[i]!.fileNumber] : [])),
    );
    const firstNumber = state.nextFileNumber;
    const tables: TableMeta[] = added.map((table, i) => ({
      ...table,
      fileNumber: firstNumber + i,
    }));
    const moved = move && gone.size > 0 ? [...gone].slice(0, 1) : [];
    for (const fileNumber of moved) {
      const table = state.tables.find((other) => other.fileNumber === fileNumber)!;
      tables.push({ ...table, level: table.level + 1 });
    }
    const nextFileNumber = firstNumber + added.length;
    const logNumber = Math.min(nextFileNumber - 1, state.logNumber + (logSteps ?? 0));
    const lastSequence = state.lastSequence + (sequenceSteps ?? 0);
    const edit: VersionEdit = {
      ...(tables.length === 0 ? {} : { added: tables, nextFileNumber }),
      ...(gone.size === 0 ? {} : { removed: [...gone] }),
      ...(logSteps === undefined ? {} : { logNumber }),
      ...(sequenceSteps === undefined ? {} : { lastSequence }),
    };
    state = {
      ...state,
      tables: [...state.tables.filter((table) => !gone.has(table.fileNumber)), ...tables],
      nextFileNumber,
      logNumber,
      lastSequence,
    };
    return { edit, state };
  });
});

export function emptyHost(seed = 1): SimulatedHost {
  const host = new SimulatedHost({ seed });
  host.files.makeDirectory("/data");
  return host;
}

/** What reading gives: a state, none, or the CorruptionError. Other errors pass through. */
export function read(host: SimulatedHost): ManifestState | undefined | CorruptionError {
  try {
    return readManifest(host, "/data");
  } catch (cause) {
    if (cause instanceof CorruptionError) return cause;
    throw cause;
  }
}
