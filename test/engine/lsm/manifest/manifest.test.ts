import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Closed, hex } from "../../../../src/base/index.ts";
import {
  CorruptionError,
  DatabaseLocked,
  StorageError,
} from "../../../../src/engine/contract/index.ts";
import { crc32, readU32, sealRecord, writeU32 } from "../../../../src/engine/lsm/codec/index.ts";
import {
  ManifestWriter,
  dumpManifest,
  readManifest,
} from "../../../../src/engine/lsm/manifest/index.ts";
import { encodeRecord } from "../../../../src/engine/lsm/manifest/manifest-format.ts";
import { WalWriter } from "../../../../src/engine/lsm/wal/index.ts";
import { emptyHost, firstState, read, stepsCase, storeId, tableOf } from "./manifest-cases.ts";
import type { SimulatedHost } from "../../../../src/testing/index.ts";

const path = "/data/MANIFEST-000001";

// The worked example of docs/FORMAT.md: manifest 1 of store A0A1…AF, one edit, then closed.
const WORKED_EXAMPLE = [
  "4b4f544f42414d46", // magic "KOTOBAMF"
  "02000000", // format version 2
  "010000000000", // manifest number 1
  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", // store id
  "0000", // zero
  "26002540", // CRC-32 of the 36 bytes before: the file's identity
  // at 40: the first state
  "09000000", // length of the body: 9
  "a454e649", // CRC-32
  "01", // type: snapshot
  "0602", // format of the database 2
  "0102", // log number 2
  "0203", // next file number 3
  "0300", // last sequence 0
  // at 57: table 3 comes
  "23000000", // length of the body: 35
  "074f912f", // CRC-32
  "02", // type: edit
  "0204", // next file number 4
  "0346", // last sequence 70
  "05", // added table
  "0300", // file number 3, level 0
  "8020", // 4096 bytes
  "6400", // 100 entries, no range deletes
  "0146", // sequences 1 to 70
  "03", // 3 deletes
  "0201", // 2 data blocks, 1 dense
  "8827", // 5000 raw bytes
  "80a094a58d1d", // written at 1,000,000,000,000 ms
  "2639f4cb", // CRC-32 of the file: CBF43926
  "0161", // smallest key: 1 byte, 61
  "01027aff", // largest key: 1 (a key), 2 bytes, 7A FF
  // at 100: the close mark
  "01000000", // length of the body: 1
  "c96c31a0", // CRC-32
  "03", // type: close mark
];

/** A manifest with one edit, closed. */
function writeExample(host: SimulatedHost): ManifestWriter {
  const writer = ManifestWriter.create(host, "/data", firstState, 1);
  writer.append({ added: [tableOf(3)], nextFileNumber: 4, lastSequence: 70 });
  return writer;
}

describe("a manifest", () => {
  it("has the bytes of the worked example", () => {
    const host = emptyHost();
    writeExample(host).close();
    expect(hex(host.contentOf(path), 1_000)).toBe(WORKED_EXAMPLE.join(""));
  });

  it("gives back the state that its edits lead to, and a new one begins with it", () => {
    fc.assert(
      fc.property(stepsCase, fc.boolean(), (steps, close) => {
        const host = emptyHost();
        const writer = ManifestWriter.create(host, "/data", firstState, 1);
        for (const { edit, state } of steps) {
          writer.append(edit);
          expect(writer.state).toEqual(state);
        }
        if (close) writer.close();
        const last = steps.at(-1)?.state ?? firstState;
        expect(readManifest(host, "/data")).toEqual(last);
        expect(host.contentOf(path).length).toBe(writer.fileBytes);

        const number = last.nextFileNumber;
        const rolled = { ...last, nextFileNumber: number + 1 };
        ManifestWriter.create(host, "/data", rolled, number).close();
        expect(readManifest(host, "/data")).toEqual(rolled);
        expect(host.files.list("/data")).toHaveLength(2);
      }),
      { numRuns: 60 },
    );
  });

  it("is not there in an empty directory", () => {
    expect(readManifest(emptyHost(), "/data")).toBeUndefined();
  });

  it("reads as text", async () => {
    const host = emptyHost();
    const writer = writeExample(host);
    const toEnd = { level: 1, largestKey: undefined, rangeDeletes: 2 };
    writer.append({
      removed: [3],
      added: [tableOf(3, { level: 1 }), tableOf(4, toEnd)],
      logNumber: 4,
      nextFileNumber: 5,
    });
    writer.close();
    const whole = dumpManifest(host, "/data");
    const bytes = host.contentOf(path);
    bytes[60]! ^= 1;
    host.damage(path, bytes);
    const damaged = dumpManifest(host, "/data");
    host.damage(path, bytes.subarray(0, 60));
    const torn = dumpManifest(host, "/data");
    const none = dumpManifest(emptyHost(), "/data");
    await expect(
      `whole\n${whole}\ndamaged\n${damaged}\ntorn\n${torn}\nnone\n${none}`,
    ).toMatchFileSnapshot("./golden/dump-manifest.golden.txt");
  });
});

describe("damage", () => {
  it("anywhere in a closed manifest is refused, but in the close mark, which looks torn", () => {
    fc.assert(
      fc.property(stepsCase, fc.integer({ min: 1, max: 255 }), (steps, mask) => {
        const host = emptyHost();
        const writer = ManifestWriter.create(host, "/data", firstState, 1);
        for (const { edit } of steps) writer.append(edit);
        writer.close();
        const whole = host.contentOf(path);
        const last = readManifest(host, "/data");
        for (let at = 0; at < whole.length; at++) {
          const changed = Uint8Array.from(whole);
          changed[at]! ^= mask;
          host.damage(path, changed);
          const found = read(host);
          if (at < whole.length - 9) expect(found, `byte ${at}`).toBeInstanceOf(CorruptionError);
          else expect(found, `byte ${at}`).toEqual(last);
        }
      }),
      { numRuns: 8 },
    );
  });

  it("by cutting at any length leaves a state that was once true, or is refused", () => {
    fc.assert(
      fc.property(stepsCase, (steps) => {
        const host = emptyHost();
        const writer = ManifestWriter.create(host, "/data", firstState, 1);
        const ends = [writer.fileBytes];
        for (const { edit } of steps) {
          writer.append(edit);
          ends.push(writer.fileBytes);
        }
        const states = [firstState, ...steps.map(({ state }) => state)];
        const whole = host.contentOf(path);
        for (let length = 0; length < whole.length; length++) {
          host.damage(path, whole.subarray(0, length));
          const found = read(host);
          const reached = ends.findLastIndex((end) => end <= length);
          if (reached === -1) expect(found, `length ${length}`).toBeInstanceOf(CorruptionError);
          else expect(found, `length ${length}`).toEqual(states[reached]);
        }
      }),
      { numRuns: 12 },
    );
  });

  it("names file, offset, expected and found", () => {
    const host = emptyHost();
    writeExample(host).close();
    const bytes = host.contentOf(path);
    bytes[70]! ^= 1;
    host.damage(path, bytes);
    expect(read(host)).toMatchObject({
      file: path,
      offset: 57,
      expected: "a record, as there is one behind it at 100",
    });
  });

  it.each([
    ["a table above the next file number", { added: [tableOf(9)] }],
    ["a table that is there", { added: [tableOf(3)] }],
    ["the removal of a table that is not there", { removed: [5] }],
    ["a sequence that goes back", { lastSequence: 1 }],
  ])("in the form of %s is refused, though its checksum is right", (_, edit) => {
    const host = emptyHost();
    writeExample(host);
    const whole = host.contentOf(path);
    const record = encodeRecord(2, edit);
    sealRecord(record, 0, record.length, readU32(whole, 36), whole.length);
    host.damage(path, Uint8Array.from([...whole, ...record]));
    expect(read(host)).toMatchObject({ offset: whole.length, expected: "a record that fits" });
  });

  it("to the marker is refused where a database is, instead of making a new one over it", () => {
    for (const file of ["/data/000004.sst", "/data/000002.log"]) {
      const host = emptyHost();
      writeExample(host).close();
      host.files.remove("/data/marker.manifest.000001.MANIFEST-000001");
      const handle = host.files.open(file, "create");
      handle.write(new Uint8Array(100), 0, 100, 0);
      expect(read(host)).toBeInstanceOf(CorruptionError);
    }
    const host = emptyHost();
    writeExample(host).close();
    host.files.remove(path);
    expect(read(host)).toMatchObject({ file: path, found: "no such file" });
  });

  it("is not what a crash leaves while a database is made: a draft, and an empty log", () => {
    const host = emptyHost();
    writeExample(host).close();
    WalWriter.create({ host, directory: "/data", storeId, stepBytes: 512 }, 2).abandon();
    host.files.remove("/data/marker.manifest.000001.MANIFEST-000001");
    expect(readManifest(host, "/data")).toBeUndefined();
  });

  it.each([
    [3, "FormatTooNew"],
    [1, "FormatTooOld"],
  ])("is not what a file of format %i is called, but %s", (version, code) => {
    const host = emptyHost();
    writeExample(host).close();
    const bytes = host.contentOf(path);
    writeU32(bytes, 8, version);
    writeU32(bytes, 36, crc32(bytes, 0, 36, 0));
    host.damage(path, bytes);
    expect(() => readManifest(host, "/data")).toThrow(
      expect.objectContaining({ _tag: "StorageError", code }),
    );
  });

  it("is not what a database is called that a newer program has raised, whatever follows that field", () => {
    const host = emptyHost();
    writeExample(host);
    const whole = host.contentOf(path);
    const raised = encodeRecord(2, { formatVersion: 3 });
    for (const unknownField of [[], [77, 1, 2]]) {
      const record = Uint8Array.from([...raised, ...unknownField]);
      sealRecord(record, 0, record.length, readU32(whole, 36), whole.length);
      host.damage(path, Uint8Array.from([...whole, ...record]));
      expect(() => readManifest(host, "/data")).toThrow(
        expect.objectContaining({ code: "FormatTooNew" }),
      );
      expect(dumpManifest(host, "/data")).toContain("of the newer format 3");
    }
  });

  it("is what a format is called that goes back, stands behind other fields, or stands there twice", () => {
    const host = emptyHost();
    writeExample(host);
    const whole = host.contentOf(path);
    const bodies = [
      [2, 6, 1],
      [2, 3, 80, 6, 2],
      [2, 6, 2, 6, 2],
    ];
    for (const body of bodies) {
      const record = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, ...body]);
      sealRecord(record, 0, record.length, readU32(whole, 36), whole.length);
      host.damage(path, Uint8Array.from([...whole, ...record]));
      expect(read(host), String(body)).toBeInstanceOf(CorruptionError);
    }
  });
});

describe("the writer", () => {
  it.each([
    [{ added: [tableOf(9)] }, /not below the next file/],
    [{ added: [tableOf(3)] }, /is there/],
    [{ removed: [5] }, /not there/],
    [{ lastSequence: 1 }, /goes back/],
    [{ logNumber: 1 }, /goes back/],
    [{ nextFileNumber: 3 }, /goes back/],
    [{ formatVersion: 1 }, /goes back/],
    [{ formatVersion: 3 }, /format that this code knows/],
  ])("refuses edit %# that does not fit, and writes nothing of it", (edit, problem) => {
    const host = emptyHost();
    const writer = writeExample(host);
    const changes = host.changes;
    expect(() => writer.append(edit)).toThrow(problem);
    expect(host.changes).toBe(changes);
    writer.append({ lastSequence: 71 });
  });

  it("writes nothing more after a failure, and no close mark", () => {
    const host = emptyHost();
    const writer = writeExample(host);
    host.failAtChange(host.changes + 2, "EIO");
    expect(() => writer.append({ lastSequence: 80 })).toThrow(StorageError);
    const changes = host.changes;
    expect(() => writer.append({ lastSequence: 90 })).toThrow(/takes no writes/);
    writer.close();
    expect(host.changes).toBe(changes);
    expect(writer.state.lastSequence).toBe(70);
  });

  it("finds out that another one has taken the directory over", () => {
    const host = emptyHost();
    const writer = writeExample(host);
    const state = { ...writer.state, nextFileNumber: 6 };
    ManifestWriter.create(host, "/data", state, 5);
    expect(() => writer.append({ lastSequence: 80 })).toThrow(DatabaseLocked);
    expect(readManifest(host, "/data")).toEqual(state);
    expect(() => writer.append({ lastSequence: 80 })).toThrow(/takes no writes/);
  });

  it("does not take the directory back by beginning a new manifest", () => {
    const host = emptyHost();
    const writer = writeExample(host);
    const state = { ...writer.state, nextFileNumber: 6 };
    ManifestWriter.create(host, "/data", state, 5);
    const more = { ...writer.state, nextFileNumber: 9 };
    expect(() => writer.roll(more, 8)).toThrow(DatabaseLocked);
    expect(readManifest(host, "/data")).toEqual(state);
    expect(host.files.list("/data")).toHaveLength(2);
  });

  it("sees the marker of another one before its own is removed, and one that comes while it writes", () => {
    for (const moment of ["before", "while"]) {
      const host = emptyHost();
      const writer = writeExample(host);
      const before = host.calls;
      const taker = "/data/marker.manifest.000002.MANIFEST-000005";
      const take = (): void => host.files.open(taker, "create").close();
      if (moment === "before") take();
      else {
        host.onCall = ({ what }) => {
          if (what !== "write") return;
          host.onCall = undefined;
          take();
        };
      }
      expect(() => writer.append({ lastSequence: 80 }), moment).toThrow(DatabaseLocked);
      expect(host.calls).toBeGreaterThan(before);
      expect(() => writer.append({ lastSequence: 90 }), moment).toThrow(/takes no writes/);
    }
  });

  it("is closed by close, and once", () => {
    const writer = writeExample(emptyHost());
    writer.close();
    writer.close();
    expect(() => writer.append({})).toThrow(Closed);
  });

  it("takes the place of a draft that a crash left under its number", () => {
    const host = emptyHost();
    writeExample(host);
    const draft = host.files.open("/data/MANIFEST-000004", "create");
    draft.write(new Uint8Array(10), 0, 10, 0);
    const state = { ...firstState, nextFileNumber: 9 };
    ManifestWriter.create(host, "/data", state, 4);
    expect(readManifest(host, "/data")).toEqual(state);
  });
});
