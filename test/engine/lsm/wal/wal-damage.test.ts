/** What a damaged or torn log gives: a prefix of its commits or an error, and never a commit that was not written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { crc32, writeU32 } from "../../../../src/engine/lsm/codec/index.ts";
import { readWal, readWals } from "../../../../src/engine/lsm/wal/index.ts";
import {
  commitsCase,
  createLog,
  emptyHost,
  logPath,
  put,
  recordsOf,
  replayLog,
  storeId,
  writeLog,
} from "./wal-cases.ts";
import type { Commit, Replay } from "./wal-cases.ts";
import type { SimulatedHost } from "../../../../src/testing/index.ts";

/** The bytes of a close mark. */
const CLOSE = 35;

const threeCommits: readonly Commit[] = [1, 2, 3].map((sequence) => ({
  sequence,
  ops: [put(`key ${sequence}`, "value ".repeat(sequence))],
}));

function expectPrefix(found: readonly Commit[], commits: readonly Commit[]): void {
  expect(found).toEqual(commits.slice(0, found.length));
}

/** Reads the log as if it held these bytes. */
function replayBytes(host: SimulatedHost, bytes: Uint8Array, newest: boolean): Replay {
  host.damage(logPath, bytes);
  return replayLog(host, newest);
}

describe("a log cut off at any length", () => {
  it("gives a prefix of its commits or an error, and all that a closed log lost is seen if it is not the newest", () => {
    fc.assert(
      fc.property(commitsCase, fc.nat(), fc.boolean(), (commits, syncs, close) => {
        const host = emptyHost();
        const writer = writeLog(host, commits, (i) => ((syncs >> i) & 1) === 1);
        if (close) writer.close();
        const whole = host.contentOf(logPath);
        const end = recordsOf(host).length;
        for (let length = 0; length < end; length++) {
          const cut = whole.subarray(0, length);
          const newest = replayBytes(host, cut, true);
          expectPrefix(newest.commits, commits);
          const older = replayBytes(host, cut, false);
          expectPrefix(older.commits, commits);
          expect("error" in older, `older log, length ${length}`).toBe(true);
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe("a log with any byte changed", () => {
  it("gives a prefix of its commits or an error, and an error wherever a sync was attested later", () => {
    fc.assert(
      fc.property(
        commitsCase,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (commits, syncs, mask) => {
          const host = emptyHost();
          writeLog(host, commits, (i) => ((syncs >> i) & 1) === 1).close();
          const whole = recordsOf(host);
          for (let at = 0; at < whole.length; at++) {
            const changed = Uint8Array.from(whole);
            changed[at]! ^= mask;
            const replay = replayBytes(host, changed, true);
            expectPrefix(replay.commits, commits);
            // The close mark attests every byte before it; damage to the mark itself looks torn.
            const beforeMark = at < whole.length - CLOSE;
            expect("error" in replay, `byte ${at}`).toBe(beforeMark);
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  it("is refused where bytes were cut out of a closed log, or put in", () => {
    const host = emptyHost();
    writeLog(host, threeCommits).close();
    const whole = host.contentOf(logPath);
    const end = recordsOf(host).length;
    for (let at = 0; at < end - CLOSE; at++) {
      const without = Uint8Array.from([...whole.subarray(0, at), ...whole.subarray(at + 1)]);
      expect(replayBytes(host, without, true), `without byte ${at}`).toHaveProperty("error");
      const more = Uint8Array.from([...whole.subarray(0, at), 0, ...whole.subarray(at)]);
      expect(replayBytes(host, more, true), `one more at ${at}`).toHaveProperty("error");
    }
  });
});

describe("torn tail or damage", () => {
  /** Three commits; a sync after the first, so that the third attests the first and the second attests nothing more. */
  function openLog(): { host: SimulatedHost; bytes: Uint8Array; offsets: number[] } {
    const host = emptyHost();
    const writer = createLog(host);
    const offsets: number[] = [];
    for (const { sequence, ops } of threeCommits) {
      offsets.push(writer.fileBytes);
      writer.append(sequence, ops);
      writer.writePending();
      if (sequence === 1) writer.syncNow();
    }
    return { host, bytes: recordsOf(host), offsets };
  }

  it("cuts the newest log at a bad record that nothing attests, even with whole records behind", () => {
    const { host, bytes, offsets } = openLog();
    bytes[offsets[1]! + 30]! ^= 1;
    expect(replayBytes(host, bytes, true)).toEqual({
      commits: threeCommits.slice(0, 1),
      end: { validBytes: offsets[1], closed: false, closedAtMillis: 0, lastSequence: 1 },
    });
  });

  it("refuses a bad record that a later one attests, naming file, offset, expected and found", () => {
    const { host, bytes, offsets } = openLog();
    bytes[offsets[0]! + 30]! ^= 1;
    const replay = replayBytes(host, bytes, true);
    expect(replay).toMatchObject({
      commits: [],
      error: {
        file: logPath,
        offset: 40,
        expected: `a log record, durable as the record at ${offsets[1]} says`,
        found: "a wrong checksum",
      },
    });
  });

  it("finds the witness though the length before it is absurd", () => {
    for (const length of [0, 1, 16, 0x7fffffff, 0xffffffff]) {
      const { host, bytes } = openLog();
      writeU32(bytes, 40, length);
      expect(replayBytes(host, bytes, true)).toMatchObject({ commits: [], error: { offset: 40 } });
    }
  });

  it("ends at zeros, and at the old content of a recycled file", () => {
    const { host, bytes } = openLog();
    const old = emptyHost();
    createLog(old, 7).close();
    const writer = createLog(old, 8);
    for (let i = 1; i < 40; i++) writer.append(i, threeCommits[2]!.ops);
    writer.close();
    for (const tail of [new Uint8Array(5_000), old.contentOf("/data/000008.log")]) {
      const longer = Uint8Array.from([...bytes, ...tail]);
      // As it is in a recycled file, where old records stand at the places they were written for.
      if (tail[0] !== 0) longer.set(tail.subarray(bytes.length), bytes.length);
      const replay = replayBytes(host, longer, true);
      expect(replay).toMatchObject({ end: { closed: false, validBytes: bytes.length } });
      expect(replay.commits).toEqual(threeCommits);
      expect(replayBytes(host, longer, false)).toHaveProperty("error");
    }
  });

  it("finds a witness across any distance of zeros or other bytes, and across the windows of the reader", () => {
    for (const filler of [0, 1, 0x5a]) {
      for (const gap of [1, 1_048_576 - 41, 1_048_576 - 9, 1_048_576, 2_500_000]) {
        const host = emptyHost();
        const writer = createLog(host);
        const value = new Uint8Array(gap).fill(filler);
        writer.append(1, [{ kind: 1, key: new Uint8Array(1), value }]);
        writer.writePending();
        writer.syncNow();
        writer.append(2, [put("k", "v")]);
        writer.writePending();
        const bytes = host.contentOf(logPath);
        bytes[44]! ^= 1;
        expect(replayBytes(host, bytes, true), `${filler} ${gap}`).toMatchObject({
          commits: [],
          error: { offset: 40, found: "a wrong checksum" },
        });
      }
    }
  });

  it("refuses a log without its whole header: it was durable before the file got its name", () => {
    const host = emptyHost();
    const header = createLog(host) && host.contentOf(logPath);
    for (let length = 0; length < 40; length++) {
      expect(replayBytes(host, header.subarray(0, length), true)).toMatchObject({
        error: { offset: 0, expected: "a log header" },
      });
    }
    expect(replayBytes(host, new Uint8Array(4_096), true)).toHaveProperty("error");
    expect(replayBytes(host, header, true)).toMatchObject({ end: { validBytes: 40 } });
  });

  it("refuses a log with a damaged header and whole records", () => {
    const { host, bytes } = openLog();
    bytes[3]! ^= 1;
    expect(replayBytes(host, bytes, true)).toMatchObject({ commits: [], error: { offset: 0 } });
  });

  it("ends at its close mark, whatever the file holds behind it", () => {
    const host = emptyHost();
    writeLog(host, threeCommits).close();
    const bytes = recordsOf(host);
    const longer = Uint8Array.from([...bytes, 0, ...bytes]);
    for (const newest of [true, false]) {
      const replay = replayBytes(host, longer, newest);
      expect(replay).toMatchObject({ end: { closed: true, validBytes: bytes.length } });
      expect(replay.commits).toEqual(threeCommits);
    }
  });

  it("takes no record of another log, another database or another place for its own", () => {
    const host = emptyHost();
    writeLog(host, threeCommits).close();
    const read = (logNumber: number, id: Uint8Array): unknown =>
      readWal(host, logPath, { logNumber, storeId: id, newest: true }, () => undefined);
    expect(() => read(13, storeId)).toThrow(CorruptionError);
    expect(() => read(12, new Uint8Array(16))).toThrow(/store id/);

    // The log of another number, put behind the header of this one.
    const other = emptyHost();
    writeLog(other, []).close();
    const header = other.contentOf(logPath).subarray(0, 40);
    const foreign = emptyHost();
    const writer = createLog(foreign, 13);
    writer.append(1, threeCommits[0]!.ops);
    writer.writePending();
    const records = foreign.contentOf("/data/000013.log").subarray(40);
    expect(replayBytes(other, Uint8Array.from([...header, ...records]), true).commits).toEqual([]);
  });

  it("never finds a record inside of a value that holds a copy of the log", () => {
    const { host, bytes } = openLog();
    const inner = emptyHost();
    const writer = createLog(inner);
    writer.append(9, [{ kind: 1, key: new Uint8Array(1), value: bytes }]);
    writer.writePending();
    writer.syncNow();
    const outer = inner.contentOf(logPath);
    outer[41]! ^= 0x40;
    expect(replayBytes(host, outer, true)).toMatchObject({ commits: [], end: { validBytes: 40 } });
  });

  it("refuses a log of another format without calling it damaged", () => {
    const { host, bytes } = openLog();
    for (const [version, words] of [
      [3, /newer version/],
      [1, /older version/],
    ] as const) {
      writeU32(bytes, 8, version);
      writeU32(bytes, 36, crc32(bytes, 0, 36, 0));
      expect(() => replayBytes(host, bytes, true)).toThrow(StorageError);
      expect(() => replayBytes(host, bytes, true)).toThrow(words);
    }
  });
});

describe("several logs", () => {
  /** Logs of the given numbers, each with one commit unless it is in `empty`, all closed but the last. */
  function writeLogs(numbers: readonly number[], empty: readonly number[] = []): SimulatedHost {
    const host = emptyHost();
    numbers.forEach((number, i) => {
      const writer = createLog(host, number);
      if (!empty.includes(number)) {
        writer.append(number * 10, [put("k", String(number))]);
        writer.writePending();
      }
      if (i < numbers.length - 1 && !empty.includes(number)) writer.close();
    });
    return host;
  }
  function sequencesOf(host: SimulatedHost, numbers: readonly number[]): number[] {
    const sequences: number[] = [];
    readWals(host, "/data", numbers, storeId, (sequence) => sequences.push(sequence));
    return sequences;
  }

  it("are one history", () => {
    expect(sequencesOf(writeLogs([1, 2, 3]), [1, 2, 3])).toEqual([10, 20, 30]);
    expect(sequencesOf(writeLogs([]), [])).toEqual([]);
  });

  it("may end with empty ones: the last with a record is the newest, and may be torn", () => {
    const host = writeLogs([1, 2, 3], [2, 3]);
    const path = "/data/000001.log";
    const writer = createLog(host, 4);
    writer.abandon();
    host.damage(path, host.contentOf(path).subarray(0, 60));
    expect(sequencesOf(host, [1, 2, 3, 4])).toEqual([]);
  });

  it("are refused where one that is not the newest was not closed, torn or not", () => {
    const host = writeLogs([1, 2, 3]);
    const path = "/data/000002.log";
    const whole = host.contentOf(path);
    const end = 40 + 29 + 5 + CLOSE;
    for (const length of [end - CLOSE, end - CLOSE - 5, end - 1]) {
      host.damage(path, whole.subarray(0, length));
      expect(() => sequencesOf(host, [1, 2, 3])).toThrow(CorruptionError);
    }
  });

  it("are refused where sequences do not ascend from one to the next", () => {
    const host = writeLogs([1, 2]);
    const writer = createLog(host, 3);
    writer.append(5, [put("k", "v")]);
    writer.writePending();
    expect(() => sequencesOf(host, [1, 3])).toThrow(/above 10/);
  });
});
