/** What a damaged or torn log gives: a prefix of its commits or an error, and never a commit that was not written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError, StorageError } from "../../../../src/engine/contract/index.ts";
import { crc32, writeU32 } from "../../../../src/engine/lsm/codec/index.ts";
import type { MemoryHost } from "../../../../src/engine/lsm/host/index.ts";
import { WalWriter, readWal, readWals } from "../../../../src/engine/lsm/wal/index.ts";
import { commitsCase, emptyHost, logPath, put, replayLog, storeId, writeLog } from "./wal-cases.ts";
import type { Commit, Replay } from "./wal-cases.ts";

const threeCommits: readonly Commit[] = [1, 2, 3].map((sequence) => ({
  sequence,
  ops: [put(`key ${sequence}`, "value ".repeat(sequence))],
}));

function expectPrefix(found: readonly Commit[], commits: readonly Commit[]): void {
  expect(found).toEqual(commits.slice(0, found.length));
}

/** Reads the log as if it held these bytes. */
function replayBytes(host: MemoryHost, bytes: Uint8Array, newest: boolean): Replay {
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
        for (let length = 0; length < whole.length; length++) {
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
          const whole = host.contentOf(logPath);
          for (let at = 0; at < whole.length; at++) {
            const changed = Uint8Array.from(whole);
            changed[at]! ^= mask;
            const replay = replayBytes(host, changed, true);
            expectPrefix(replay.commits, commits);
            // The close mark attests every byte before it; damage to the mark itself looks torn.
            const beforeMark = at < whole.length - 25;
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
    for (let at = 0; at < whole.length - 25; at++) {
      const without = Uint8Array.from([...whole.subarray(0, at), ...whole.subarray(at + 1)]);
      expect(replayBytes(host, without, true), `without byte ${at}`).toHaveProperty("error");
      const more = Uint8Array.from([...whole.subarray(0, at), 0, ...whole.subarray(at)]);
      expect(replayBytes(host, more, true), `one more at ${at}`).toHaveProperty("error");
    }
  });
});

describe("torn tail or damage", () => {
  /** Three commits; a sync after the first, so that the third attests the first and the second attests nothing more. */
  function openLog(): { host: MemoryHost; bytes: Uint8Array; offsets: number[] } {
    const host = emptyHost();
    const writer = WalWriter.create(host, "/data", 12, storeId);
    const offsets: number[] = [];
    for (const { sequence, ops } of threeCommits) {
      offsets.push(writer.fileBytes);
      writer.append(sequence, ops);
      writer.writePending();
      if (sequence === 1) writer.syncNow();
    }
    return { host, bytes: host.contentOf(logPath), offsets };
  }

  it("cuts the newest log at a bad record that nothing attests, even with whole records behind", () => {
    const { host, bytes, offsets } = openLog();
    bytes[offsets[1]! + 30]! ^= 1;
    expect(replayBytes(host, bytes, true)).toEqual({
      commits: threeCommits.slice(0, 1),
      end: { end: "torn", validBytes: offsets[1], closed: false, lastSequence: 1 },
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

  it("takes zeros behind the last record for a torn tail", () => {
    const { host, bytes } = openLog();
    const longer = Uint8Array.from([...bytes, ...new Uint8Array(5_000)]);
    const replay = replayBytes(host, longer, true);
    expect(replay).toMatchObject({ end: { end: "torn", validBytes: bytes.length } });
    expect(replay.commits).toEqual(threeCommits);
  });

  it("takes a newest log without its whole header for one whose creation was cut short", () => {
    const host = emptyHost();
    const header = WalWriter.create(host, "/data", 12, storeId) && host.contentOf(logPath);
    for (let length = 0; length < 40; length++) {
      const replay = replayBytes(host, header.subarray(0, length), true);
      expect(replay).toEqual({
        commits: [],
        end: { end: "torn", validBytes: 0, closed: false, lastSequence: 0 },
      });
      expect(replayBytes(host, header.subarray(0, length), false)).toHaveProperty("error");
    }
    expect(replayBytes(host, new Uint8Array(4_096), true)).toMatchObject({ end: { end: "torn" } });
  });

  it("refuses a log with a damaged header and whole records", () => {
    const { host, bytes } = openLog();
    bytes[3]! ^= 1;
    expect(replayBytes(host, bytes, true)).toMatchObject({ commits: [], error: { offset: 0 } });
  });

  it("refuses anything behind a close mark", () => {
    const host = emptyHost();
    writeLog(host, threeCommits).close();
    const bytes = host.contentOf(logPath);
    const longer = Uint8Array.from([...bytes, 0]);
    expect(replayBytes(host, longer, true)).toMatchObject({ error: { offset: bytes.length } });
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
    const writer = WalWriter.create(foreign, "/data", 13, storeId);
    writer.append(1, threeCommits[0]!.ops);
    writer.writePending();
    const records = foreign.contentOf("/data/000013.log").subarray(40);
    expect(replayBytes(other, Uint8Array.from([...header, ...records]), true).commits).toEqual([]);
  });

  it("never finds a record inside of a value that holds a copy of the log", () => {
    const { host, bytes } = openLog();
    const inner = emptyHost();
    const writer = WalWriter.create(inner, "/data", 12, storeId);
    writer.append(9, [{ kind: 1, key: new Uint8Array(1), value: bytes }]);
    writer.writePending();
    writer.syncNow();
    const outer = inner.contentOf(logPath);
    outer[41]! ^= 0x40;
    expect(replayBytes(host, outer, true)).toMatchObject({ commits: [], end: { validBytes: 40 } });
  });

  it("refuses a log of a newer format without calling it damaged", () => {
    const { host, bytes } = openLog();
    writeU32(bytes, 8, 3);
    writeU32(bytes, 36, crc32(bytes, 0, 36, 0));
    expect(() => replayBytes(host, bytes, true)).toThrow(StorageError);
    expect(() => replayBytes(host, bytes, true)).toThrow(/newer version/);
  });
});

describe("several logs", () => {
  /** Logs of the given numbers, each with one commit unless it is in `empty`, all closed but the last. */
  function writeLogs(numbers: readonly number[], empty: readonly number[] = []): MemoryHost {
    const host = emptyHost();
    numbers.forEach((number, i) => {
      const writer = WalWriter.create(host, "/data", number, storeId);
      if (!empty.includes(number)) {
        writer.append(number * 10, [put("k", String(number))]);
        writer.writePending();
      }
      if (i < numbers.length - 1 && !empty.includes(number)) writer.close();
    });
    return host;
  }
  function sequencesOf(host: MemoryHost, numbers: readonly number[]): number[] {
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
    const writer = WalWriter.create(host, "/data", 4, storeId);
    writer.abandon();
    host.damage(path, host.contentOf(path).subarray(0, 65));
    expect(sequencesOf(host, [1, 2, 3, 4])).toEqual([]);
  });

  it("are refused where one that is not the newest was not closed, torn or not", () => {
    const host = writeLogs([1, 2, 3]);
    const path = "/data/000002.log";
    const whole = host.contentOf(path);
    for (const length of [whole.length - 25, whole.length - 30]) {
      host.damage(path, whole.subarray(0, length));
      expect(() => sequencesOf(host, [1, 2, 3])).toThrow(CorruptionError);
    }
  });

  it("are refused where sequences do not ascend from one to the next", () => {
    const host = writeLogs([1, 2]);
    const writer = WalWriter.create(host, "/data", 3, storeId);
    writer.append(5, [put("k", "v")]);
    writer.writePending();
    expect(() => sequencesOf(host, [1, 3])).toThrow(/above 10/);
  });
});
