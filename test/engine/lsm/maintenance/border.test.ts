import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { CorruptionError, DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import {
  postedJob,
  revivedError,
  sentError,
} from "../../../../src/engine/lsm/maintenance/thread/border.ts";
import { OutputClaims } from "../../../../src/engine/lsm/maintenance/thread/output-claims.ts";
import { Memtable } from "../../../../src/engine/lsm/memtable/index.ts";
import { bytes } from "../support.ts";

const place = { file: "000004.sst", offset: 8_192, expected: "checksum 1", found: "checksum 2" };

test.each([
  new StorageError("Io", { file: "000004.sst", error: "EIO" }, { cause: new Error("EIO: write") }),
  new StorageError("NoPermission", { file: "000004.sst" }),
  new DiskFull("000004.sst"),
  new CorruptionError(place),
  new Closed("000004.sst"),
])("an error of ours is the same on the other side: $message", (error) => {
  const revived = revivedError(structuredClone(sentError(error)));
  expect(revived).toBeInstanceOf(error.constructor);
  expect(revived).toMatchObject({
    _tag: error._tag,
    message: error.message,
    details: error.details,
    retryable: error.retryable,
    committed: error.committed,
  });
  const cause = error.cause as Error | undefined;
  expect((revived.cause as Error | undefined)?.message).toBe(cause?.message);
});

test("a foreign error keeps its text and its stack, whatever was thrown", () => {
  const error = new TypeError("not a function");
  const revived = revivedError(structuredClone(sentError(error)));
  expect(revived.message).toBe("not a function");
  expect(revived.stack).toBe(error.stack);
  expect(revivedError(structuredClone(sentError("just words"))).message).toBe("just words");
});

test("details that cannot be sent go as text", () => {
  const error = new StorageError("Io", { file: "a", hook: () => 1, inner: { deep: true } });
  const sent = structuredClone(sentError(error));
  expect(revivedError(sent)).toBeInstanceOf(StorageError);
  expect(typeof sent.details["hook"]).toBe("string");
});

test("a key that is a view of a large buffer is sent alone", () => {
  const large = new Uint8Array(1 << 20);
  const table = {
    fileNumber: 4,
    level: 1,
    fileBytes: 10,
    entries: 1,
    rangeDeletes: 0,
    smallestKey: large.subarray(10, 14),
    largestKey: large.subarray(20, 24),
    smallestSequence: 1,
    largestSequence: 1,
    tombstones: 0,
    dataBlocks: 1,
    denseBlocks: 0,
    rawBytes: 1,
    writtenAtMillis: 0,
    fileCrc: 0,
  };
  const memtable = new Memtable();
  memtable.add(1, 1, bytes("k"), bytes("v"));
  const posted = postedJob(
    {
      kind: "merge",
      memtable,
      inputs: [table],
      views: [],
      beneath: [[], [table]],
      outputLevel: 2,
      tableBytesTarget: Infinity,
      grandparents: [],
      writer: {},
    },
    1,
    OutputClaims.newMemory(),
  );
  const received = structuredClone(posted);
  for (const one of [received.inputs[0]!, received.beneath[1]![0]!]) {
    expect(one.smallestKey.buffer.byteLength).toBe(4);
    expect(one.largestKey!.buffer.byteLength).toBe(4);
  }
  expect(new Uint8Array(received.memtable!.arena)[24]).toBe(bytes("k")[0]);
});

test("claims tell which files were begun, and stop counting rather than overflow", () => {
  const memory = OutputClaims.newMemory();
  const claims = new OutputClaims(memory);
  for (let number = 100; number < 3_000; number++) claims.add(number);
  const seen = new OutputClaims(memory).numbers;
  expect(seen.slice(0, 3)).toEqual([100, 101, 102]);
  expect(seen).toHaveLength(2_048);
});
