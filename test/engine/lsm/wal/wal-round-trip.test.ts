import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Closed, hex } from "../../../../src/base/index.ts";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { dumpWal } from "../../../../src/engine/lsm/wal/index.ts";
import {
  STEP,
  commitsCase,
  createLog,
  emptyHost,
  logPath,
  put,
  recordsOf,
  replayLog,
  text,
  writeLog,
} from "./wal-cases.ts";

// The worked example of docs/FORMAT.md: log 12 of store A0A1…AF with one commit, then closed.
const WORKED_EXAMPLE = [
  "4b4f544f4241574c", // magic "KOTOBAWL"
  "02000000", // format version 2
  "0c0000000000", // log number 12
  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", // store id
  "0000", // zero
  "19548322", // CRC-32 of the 36 bytes before: the file's identity
  // at 40: the commit with sequence 7: put "k" = "v"
  "1a000000", // length of the body: 26
  "4b8626d2", // CRC-32
  "01", // type: commit
  "19548322", // the identity again
  "280000000000", // synced up to 40
  "070000000000", // sequence 7
  "01000000", // one op
  "0101016b76", // put, key length 1, value length 1, "k", "v"
  // at 74: the close mark
  "1b000000", // length of the body: 27
  "2728804e", // CRC-32
  "02", // type: close mark
  "19548322", // the identity again
  "4a0000000000", // synced up to 74, its own offset
  "070000000000", // last sequence 7
  "00000000", // no ops
  "0068e5cf8b01", // closed at 1,700,000,000,000 ms, 14 November 2023
];

describe("a log", () => {
  it("has the bytes of the worked example", () => {
    const host = emptyHost();
    writeLog(host, [{ sequence: 7, ops: [put("k", "v")] }]).close();
    expect(hex(recordsOf(host), 1_000)).toBe(WORKED_EXAMPLE.join(""));
    expect(host.files.size(logPath), "the room made ahead is given back").toBe(109);
  });

  it("gives back the commits that were written, closed or not, newest or not", () => {
    fc.assert(
      fc.property(commitsCase, fc.nat(), fc.boolean(), (commits, syncs, close) => {
        const host = emptyHost();
        const writer = writeLog(host, commits, (i) => ((syncs >> i) & 1) === 1);
        const bytesBefore = writer.fileBytes;
        if (close) writer.close();
        const last = commits.at(-1)?.sequence ?? 0;
        expect(replayLog(host, !close)).toEqual({
          commits,
          end: {
            validBytes: close ? writer.fileBytes : bytesBefore,
            closed: close,
            closedAtMillis: close ? host.clock.nowMillis() : 0,
            lastSequence: last,
          },
        });
      }),
    );
  });

  it("carries a commit larger than the reader's window between small ones", () => {
    const host = emptyHost();
    const commits = [
      { sequence: 1, ops: [put("a", "1")] },
      { sequence: 2, ops: [{ kind: 1, key: text("b"), value: host.random.bytes(3_000_000) }] },
      { sequence: 3, ops: [put("c", "3")] },
    ] as const;
    writeLog(host, commits).close();
    expect(replayLog(host)).toMatchObject({ end: { closed: true } });
    // Compared as Buffers: an equality check byte by byte in the test framework takes seconds.
    replayLog(host).commits.forEach(({ sequence, ops }, i) => {
      expect(sequence).toBe(commits[i]!.sequence);
      expect(Buffer.compare(ops[0]!.value, commits[i]!.ops[0].value)).toBe(0);
    });
    expect(replayLog(host).commits).toHaveLength(3);
  });

  it("reads as text", async () => {
    const host = emptyHost();
    const ops = [
      put("name", "Kotoba"),
      put("empty", ""),
      { kind: 2, key: text("gone"), value: text("") },
      { kind: 3, key: text("a"), value: text("b") },
      { kind: 4, key: text("z"), value: text("") },
    ] as const;
    const writer = writeLog(host, [
      { sequence: 1, ops: [put("first", "1")] },
      { sequence: 5, ops },
    ]);
    writer.close();
    const whole = dumpWal(host, logPath);
    const bytes = host.contentOf(logPath);
    bytes[50]! ^= 1;
    host.damage(logPath, bytes);
    const damaged = dumpWal(host, logPath);
    host.damage(logPath, bytes.subarray(0, 60));
    const torn = dumpWal(host, logPath);
    host.damage(logPath, bytes.subarray(0, 5));
    const none = dumpWal(host, logPath);
    await expect(
      `whole\n${whole}\ndamaged\n${damaged}\ntorn\n${torn}\nno header\n${none}`,
    ).toMatchFileSnapshot("./golden/dump-wal.golden.txt");
  });
});

describe("the writer", () => {
  it("counts what is pending, what is written and what is durable", async () => {
    const host = emptyHost();
    const writer = createLog(host);
    expect([writer.pendingBytes, writer.fileBytes, writer.syncedUpTo]).toEqual([0, 40, 40]);
    writer.append(1, [put("k", "v")]);
    expect([writer.pendingBytes, writer.fileBytes, writer.roomBytes]).toEqual([34, 40, 2 * STEP]);
    writer.writePending();
    expect([writer.pendingBytes, writer.fileBytes, writer.syncedUpTo]).toEqual([0, 74, 40]);
    const synced = writer.sync();
    writer.append(2, [put("k", "v")]);
    writer.writePending();
    await synced;
    expect([writer.fileBytes, writer.syncedUpTo]).toEqual([108, 74]);
  });

  it("writes many commits in one call", () => {
    const host = emptyHost();
    const writer = createLog(host);
    for (let i = 1; i <= 5_000; i++) writer.append(i, [put(`key ${i}`, "x".repeat(20))]);
    const calls = host.calls;
    writer.writePending();
    writer.writePending();
    expect(host.calls).toBe(calls + 1);
    expect(replayLog(host).commits).toHaveLength(5_000);
  });

  it("makes room ahead, in steps, also for the close mark, and writes into it without growing the file", () => {
    const host = emptyHost();
    const writer = createLog(host);
    let grown = 0;
    for (let i = 1; i <= 40; i++) {
      const calls = host.changes;
      const room = writer.roomBytes;
      writer.append(i, [put("k", "v")]);
      if (writer.roomBytes > room) grown++;
      expect(host.changes - calls, "an append that finds room does no I/O").toBe(
        writer.roomBytes > room ? 1 : 0,
      );
      expect(writer.roomBytes).toBeGreaterThanOrEqual(40 + i * 34 + 35);
      expect(writer.roomBytes % STEP).toBe(0);
      const size = host.files.size(logPath);
      writer.writePending();
      expect(host.files.size(logPath)).toBe(size);
    }
    expect(grown).toBeGreaterThan(10);
    const { roomBytes } = writer;
    writer.close();
    expect(writer.fileBytes).toBeLessThanOrEqual(roomBytes);
    expect(host.files.size(logPath)).toBe(writer.fileBytes);
  });

  it("refuses a commit when the disk has no room for it, as if it had not come, and takes it when there is", () => {
    for (const fault of ["ENOSPC", "ENOSPC-part"] as const) {
      const host = emptyHost();
      const writer = writeLog(host, [{ sequence: 1, ops: [put("k", "v")] }]);
      const large = "x".repeat(300);
      for (let i = 0; i < 3; i++) {
        host.failAtChange(host.changes + 1, fault);
        expect(() => writer.append(2, [put("k", large)])).toThrow(DiskFull);
        expect([writer.pendingBytes, writer.fileBytes]).toEqual([0, 74]);
      }
      expect(replayLog(host)).toMatchObject({ end: { validBytes: 74 } });
      writer.append(2, [put("k", large)]);
      writer.close();
      expect(replayLog(host)).toMatchObject({ end: { closed: true, lastSequence: 2 } });
    }
  });

  it("copies the bytes it is given", () => {
    const host = emptyHost();
    const writer = createLog(host);
    const value = text("before");
    writer.append(1, [{ kind: 1, key: text("k"), value }]);
    value.fill(0);
    writer.writePending();
    expect(replayLog(host).commits).toEqual([{ sequence: 1, ops: [put("k", "before")] }]);
  });

  it("refuses sequences that do not ascend, and commits without ops", () => {
    const writer = writeLog(emptyHost(), [{ sequence: 5, ops: [put("k", "v")] }]);
    expect(() => writer.append(5, [put("k", "v")])).toThrow(/sequences ascend/);
    expect(() => writer.append(6, [])).toThrow(/has ops/);
    expect(() => writer.append(2 ** 45, [put("k", "v")])).toThrow(/sequences ascend/);
  });

  it("writes nothing more after a failed write or sync, and no close mark", async () => {
    for (const isSync of [false, true]) {
      const host = emptyHost();
      const writer = writeLog(host, [{ sequence: 1, ops: [put("k", "v")] }]);
      writer.append(2, [put("k", "w")]);
      host.failAtChange(host.changes + (isSync ? 2 : 1), isSync ? "ENOSPC" : "EIO");
      if (!isSync) expect(() => writer.writePending()).toThrow(StorageError);
      else {
        writer.writePending();
        expect(() => writer.syncNow()).toThrow(DiskFull);
      }
      const changes = host.changes;
      expect(() => writer.append(3, [put("k", "x")])).toThrow(StorageError);
      expect(() => writer.writePending()).toThrow(StorageError);
      expect(() => writer.syncNow()).toThrow(StorageError);
      await expect(writer.sync()).rejects.toMatchObject({ code: "ReadOnly" });
      writer.close();
      expect(host.changes).toBe(changes);
      expect(replayLog(host).commits[0]).toEqual({ sequence: 1, ops: [put("k", "v")] });
    }
  });

  it("keeps what it could not write on a full disk, and writes it to the same place when there is room", () => {
    for (const fault of ["ENOSPC", "ENOSPC-part"] as const) {
      const host = emptyHost(3);
      const commits = [1, 2, 3].map((sequence) => ({ sequence, ops: [put("k", `${sequence}`)] }));
      const writer = writeLog(host, commits.slice(0, 1));
      writer.append(2, commits[1]!.ops);
      for (let i = 0; i < 3; i++) {
        host.failAtChange(host.changes + 1, fault);
        expect(() => writer.writePending()).toThrow(DiskFull);
        expect([writer.pendingBytes, writer.fileBytes]).toEqual([34, 74]);
      }
      writer.append(3, commits[2]!.ops);
      writer.writePending();
      writer.close();
      expect(replayLog(host).commits).toEqual(commits);
    }
  });

  it("claims no byte as durable that a failed sync covered", async () => {
    const host = emptyHost();
    const writer = createLog(host);
    writer.append(1, [put("k", "v")]);
    writer.writePending();
    host.failAtChange(host.changes + 1, "EIO");
    await expect(writer.sync()).rejects.toBeInstanceOf(StorageError);
    expect(writer.syncedUpTo).toBe(40);
    expect(() => writer.append(2, [put("k", "v")])).toThrow(StorageError);
  });

  it("is closed by close, and once", () => {
    const host = emptyHost();
    const writer = writeLog(host, []);
    writer.close();
    const changes = host.changes;
    writer.close();
    expect(host.changes).toBe(changes);
    expect(() => writer.append(1, [put("k", "v")])).toThrow(Closed);
  });

  it("never writes over a log that is there", () => {
    const host = emptyHost();
    writeLog(host, []).close();
    expect(() => createLog(host)).toThrow(/no log has the number/);
  });
});
