import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Closed, hex } from "../../../../src/base/index.ts";
import { DiskFull, StorageError } from "../../../../src/engine/contract/index.ts";
import { WalWriter, dumpWal } from "../../../../src/engine/lsm/wal/index.ts";
import {
  commitsCase,
  emptyHost,
  logPath,
  put,
  replayLog,
  storeId,
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
  "16000000", // length of the body: 22
  "5a059a77", // CRC-32
  "01", // type: commit
  "280000000000", // synced up to 40
  "070000000000", // sequence 7
  "01000000", // one op
  "0101016b76", // put, key length 1, value length 1, "k", "v"
  // at 70: the close mark
  "11000000", // length of the body: 17
  "3d58fd92", // CRC-32
  "02", // type: close mark
  "460000000000", // synced up to 70, its own offset
  "070000000000", // last sequence 7
  "00000000", // no ops
];

describe("a log", () => {
  it("has the bytes of the worked example", () => {
    const host = emptyHost();
    writeLog(host, [{ sequence: 7, ops: [put("k", "v")] }]).close();
    expect(hex(host.contentOf(logPath), 1_000)).toBe(WORKED_EXAMPLE.join(""));
  });

  it("gives back the commits that were written, closed or not, newest or not", () => {
    fc.assert(
      fc.property(commitsCase, fc.nat(), fc.boolean(), (commits, syncs, close) => {
        const host = emptyHost();
        const writer = writeLog(host, commits, (i) => ((syncs >> i) & 1) === 1);
        if (close) writer.close();
        const last = commits.at(-1)?.sequence ?? 0;
        expect(replayLog(host, !close)).toEqual({
          commits,
          end: {
            end: "clean",
            validBytes: host.contentOf(logPath).length,
            closed: close,
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
    expect(replayLog(host)).toMatchObject({ end: { end: "clean", closed: true } });
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
    const writer = WalWriter.create(host, "/data", 12, storeId);
    expect([writer.pendingBytes, writer.fileBytes, writer.syncedUpTo]).toEqual([0, 40, 40]);
    const changes = host.changes;
    writer.append(1, [put("k", "v")]);
    expect(host.changes, "append does no I/O").toBe(changes);
    expect([writer.pendingBytes, writer.fileBytes]).toEqual([30, 40]);
    writer.writePending();
    expect([writer.pendingBytes, writer.fileBytes, writer.syncedUpTo]).toEqual([0, 70, 40]);
    const synced = writer.sync();
    writer.append(2, [put("k", "v")]);
    writer.writePending();
    await synced;
    expect([writer.fileBytes, writer.syncedUpTo]).toEqual([100, 70]);
  });

  it("writes many commits in one call", () => {
    const host = emptyHost();
    const writer = WalWriter.create(host, "/data", 12, storeId);
    for (let i = 1; i <= 5_000; i++) writer.append(i, [put(`key ${i}`, "x".repeat(20))]);
    const calls = host.calls;
    writer.writePending();
    writer.writePending();
    expect(host.calls).toBe(calls + 1);
    expect(replayLog(host).commits).toHaveLength(5_000);
  });

  it("copies the bytes it is given", () => {
    const host = emptyHost();
    const writer = WalWriter.create(host, "/data", 12, storeId);
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
    for (const fault of ["EIO", "ENOSPC", "ENOSPC-part"] as const) {
      const host = emptyHost();
      const writer = writeLog(host, [{ sequence: 1, ops: [put("k", "v")] }]);
      writer.append(2, [put("k", "w")]);
      host.failAtChange(host.changes + 1, fault);
      expect(() => writer.writePending()).toThrow(fault === "EIO" ? StorageError : DiskFull);
      const changes = host.changes;
      expect(() => writer.append(3, [put("k", "x")])).toThrow(StorageError);
      expect(() => writer.writePending()).toThrow(StorageError);
      expect(() => writer.syncNow()).toThrow(StorageError);
      await expect(writer.sync()).rejects.toMatchObject({ code: "ReadOnly" });
      writer.close();
      expect(host.changes).toBe(changes);
      expect(replayLog(host).commits).toEqual([{ sequence: 1, ops: [put("k", "v")] }]);
    }
  });

  it("claims no byte as durable that a failed sync covered", async () => {
    const host = emptyHost();
    const writer = WalWriter.create(host, "/data", 12, storeId);
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
    expect(() => WalWriter.create(host, "/data", 12, storeId)).toThrow(/EEXIST/);
  });
});
