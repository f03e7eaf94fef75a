/** Decoders of logs and manifests: whole files, and what lies behind their checksums alone. */
import { assert } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import {
  FILE_HEADER_BYTES,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_DELETE_TO_END,
  KIND_PUT,
  RECORD_FRAME_BYTES,
  decodeFileHeader,
  encodeFileHeader,
  manifestName,
  markerName,
  parseFileName,
  parseMarkerName,
  readU32,
  readVarint,
  sealRecord,
  spareName,
  tableName,
  varintLength,
  walName,
  writeU32,
  writeU48,
  writeVarint,
} from "../../../src/engine/lsm/codec/index.ts";
import { dumpManifestFile, readManifest } from "../../../src/engine/lsm/manifest/index.ts";
import {
  MANIFEST_MAGIC,
  TYPE_CLOSE as MANIFEST_CLOSE,
  TYPE_EDIT,
  TYPE_SNAPSHOT,
  decodeBody,
  encodeRecord,
} from "../../../src/engine/lsm/manifest/manifest-format.ts";
import type { VersionEdit } from "../../../src/engine/lsm/manifest/index.ts";
import {
  CLOSE_BYTES,
  RECORD_HEAD_BYTES,
  TYPE_CLOSE,
  TYPE_COMMIT,
  WAL_MAGIC,
  opBytes,
  readOps,
  writeOp,
  writeRecordHead,
} from "../../../src/engine/lsm/wal/wal-format.ts";
import type { WalOp } from "../../../src/engine/lsm/wal/wal-format.ts";
import { dumpWal, keepLog, readLogPiece, readWal } from "../../../src/engine/lsm/wal/index.ts";
import type { Decoder, Input } from "./decoder.ts";
import { MemoryFile } from "./memory-file.ts";
import { bytesOf, joined, needEqual, textOf } from "./values.ts";

const STORE_ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const NUMBER = 7;

// ---------------------------------------------------------------- logs

const walHeader = encodeFileHeader(WAL_MAGIC, NUMBER, STORE_ID);
const walIdentity = readU32(walHeader, 36);
const OPS: readonly (readonly WalOp[])[] = [
  [{ kind: KIND_PUT, key: bytesOf("k"), value: bytesOf("v") }],
  [
    { kind: KIND_PUT, key: bytesOf("user/1"), value: new Uint8Array(150).fill(7) },
    { kind: KIND_DELETE, key: bytesOf("user/2"), value: bytesOf("") },
  ],
  [
    { kind: KIND_DELETE_RANGE, key: bytesOf("a"), value: bytesOf("b") },
    { kind: KIND_DELETE_TO_END, key: bytesOf("z"), value: bytesOf("") },
    { kind: KIND_PUT, key: bytesOf(""), value: bytesOf("") },
  ],
];

function opsBytes(ops: readonly WalOp[]): Bytes {
  const bytes = new Uint8Array(ops.reduce((sum, op) => sum + opBytes(op), 0));
  let at = 0;
  for (const op of ops) at = writeOp(bytes, at, op);
  return bytes;
}

function log(commits: readonly (readonly WalOp[])[], isClosed: boolean): Bytes {
  let file = walHeader;
  const add = (type: number, sequence: number, count: number, body: Bytes): void => {
    const record = new Uint8Array(RECORD_HEAD_BYTES + body.length);
    const offset = file.length;
    writeRecordHead(record, 0, {
      type,
      identity: walIdentity,
      syncedUpTo: offset,
      sequence,
      count,
    });
    record.set(body, RECORD_HEAD_BYTES);
    sealRecord(record, 0, record.length, walIdentity, offset);
    file = joined(file, record);
  };
  for (const [i, ops] of commits.entries()) add(TYPE_COMMIT, i + 1, ops.length, opsBytes(ops));
  const time = new Uint8Array(CLOSE_BYTES - RECORD_HEAD_BYTES);
  writeU48(time, 0, 1_700_000_000_000);
  if (isClosed) add(TYPE_CLOSE, commits.length, 0, time);
  return file;
}

const LOGS: readonly Bytes[] = [
  log(OPS, true),
  log(OPS, false),
  log([], true),
  log([OPS[0]!, OPS[0]!], false),
  joined(log([OPS[0]!], false), new Uint8Array(60)),
];

/** Puts the header back, and gives each record behind it the checksum of what it is now. */
function resealRecords(input: Input, header: Bytes, identity: number): void {
  const { bytes, length, choice } = input;
  if (length < FILE_HEADER_BYTES) return;
  // One in four keeps what the header has become, under a right checksum.
  if (choice & 6) bytes.set(header);
  else writeU32(bytes, 36, readU32(header, 36));
  for (let at = FILE_HEADER_BYTES; at + RECORD_FRAME_BYTES < length;) {
    const claimed = at + RECORD_FRAME_BYTES + readU32(bytes, at);
    const end = claimed > at + RECORD_FRAME_BYTES && claimed <= length ? claimed : length;
    sealRecord(bytes, at, end, identity, at);
    at = end;
  }
}

const logFile = new MemoryFile(`/db/${walName(NUMBER)}`);
let logBytes = 0;
const measure = (_: number, ops: readonly WalOp[]): void => {
  for (const { key, value } of ops) logBytes += key.length + value.length;
};

/** Records begin behind the header, also where a file has none. */
function needInside(end: number, { length }: Input): void {
  if (end > Math.max(FILE_HEADER_BYTES, length) || logBytes > length)
    throw new Error("it read more than there is");
}

/** As opening does that was told to save what can be read. */
const passOver = (): void => undefined;

const logs: Decoder = {
  name: "logs",
  seeds: LOGS,
  reseal: (input) => resealRecords(input, walHeader, walIdentity),
  judge(input) {
    logBytes = 0;
    const { choice } = input;
    const expected = { logNumber: NUMBER, storeId: STORE_ID, newest: (choice & 8) !== 0 };
    const options = choice & 16 ? expected : { ...expected, skip: passOver };
    const { host, path } = logFile.show(input);
    const end = readWal(host, path, options, measure);
    needInside(end.validBytes, input);
    return end.closed || end.lastSequence > 0;
  },
};

/** What a reader of changes goes through, and what opening with kept logs does. */
const place = { host: logFile.host, directory: "/db", storeId: STORE_ID };
const take = (_sequence: number, ops: readonly WalOp[]): boolean => {
  measure(0, ops);
  return true;
};
const changeLogs: Decoder = {
  name: "kept logs",
  seeds: LOGS,
  reseal: (input) => resealRecords(input, walHeader, walIdentity),
  judge(input) {
    logFile.show(input);
    logBytes = 0;
    const piece = readLogPiece(place, NUMBER, FILE_HEADER_BYTES, 2 ** 40, take);
    needInside(piece.offset, input);
    if (input.choice & 16) return piece.lastSequence > 0;
    const span = keepLog(logFile.host, "/db", NUMBER, STORE_ID);
    if (span !== undefined && span.fileBytes > input.length + CLOSE_BYTES)
      throw new Error("a span that is too long");
    return span !== undefined;
  },
};

const walOps: Decoder = {
  name: "ops of a commit",
  seeds: OPS.map(opsBytes),
  judge({ bytes, choice, length }) {
    const found = readOps(bytes, 0, length, 1 + ((choice >>> 4) & 3));
    if (typeof found === "string") return false;
    let at = 0;
    for (const op of found) at += opBytes(op);
    // Each has one spelling, so the sizes say that the same bytes would be written.
    if (at !== length) throw new Error(`ops of ${at} bytes in ${length}`);
    return true;
  },
};

/** What people are shown of a file: all that is readable, and never an error. */
const logDumps: Decoder = {
  ...logs,
  name: "dumps of logs",
  rarity: 10,
  judge(input) {
    const { host, path } = logFile.show(input);
    return !/no log header|damaged/.test(dumpWal(host, path));
  },
};

const headers: Decoder = {
  name: "file headers",
  seeds: [walHeader, encodeFileHeader(MANIFEST_MAGIC, 2 ** 47, STORE_ID)],
  judge({ view, length }) {
    const header = decodeFileHeader(view, WAL_MAGIC);
    if (header === undefined) return false;
    if (length < FILE_HEADER_BYTES || header.storeId.length !== 16)
      throw new Error("half a header");
    return true;
  },
};

const after = { at: 0 };
const again = new Uint8Array(16);
const varints: Decoder = {
  name: "varints",
  seeds: [0, 1, 127, 128, 300, 2 ** 21, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER].map((value) => {
    const bytes = new Uint8Array(varintLength(value));
    writeVarint(bytes, 0, value);
    return bytes;
  }),
  judge({ bytes, length }) {
    const value = readVarint(bytes, 0, length, after);
    if (value < 0) return false;
    const end = writeVarint(again, 0, value);
    needEqual(bytes, 0, after.at, again, end, "another spelling of the number");
    return true;
  },
};

// ---------------------------------------------------------------- manifests

const TABLE = {
  fileNumber: 3,
  level: 0,
  fileBytes: 4_000,
  entries: 12,
  rangeDeletes: 1,
  smallestKey: bytesOf("a"),
  largestKey: bytesOf("zz"),
  smallestSequence: 1,
  largestSequence: 300,
  tombstones: 2,
  dataBlocks: 3,
  denseBlocks: 1,
  rawBytes: 3_000,
  writtenAtMillis: 1_700_000_000_000,
  fileCrc: 0xdead_beef,
} as const;
const SNAPSHOT: VersionEdit = {
  formatVersion: 2,
  logNumber: 4,
  nextFileNumber: 9,
  lastSequence: 300,
  added: [TABLE, { ...TABLE, fileNumber: 5, largestKey: undefined }],
};
const EDITS: readonly VersionEdit[] = [
  {
    removed: [3],
    logNumber: 6,
    nextFileNumber: 20,
    added: [{ ...TABLE, fileNumber: 12, level: 1 }],
  },
  { lastSequence: 400 },
];

function manifest(closed: boolean): Bytes {
  let file = manifestHeader;
  const add = (record: Bytes): void => {
    sealRecord(record, 0, record.length, manifestIdentity, file.length);
    file = joined(file, record);
  };
  add(encodeRecord(TYPE_SNAPSHOT, SNAPSHOT));
  for (const edit of EDITS) add(encodeRecord(TYPE_EDIT, edit));
  if (closed) add(encodeRecord(MANIFEST_CLOSE, {}));
  return file;
}
const manifestHeader = encodeFileHeader(MANIFEST_MAGIC, NUMBER, STORE_ID);
const manifestIdentity = readU32(manifestHeader, 36);
const manifestFile = new MemoryFile(`/db/${manifestName(NUMBER)}`);
manifestFile.names = [markerName(1, NUMBER)];

const manifests: Decoder = {
  name: "manifests",
  seeds: [manifest(true), manifest(false)],
  reseal: (input) => resealRecords(input, manifestHeader, manifestIdentity),
  judge(input) {
    const state = readManifest(manifestFile.show(input).host, "/db");
    if (state === undefined) return false;
    if (state.tables.length * 20 > input.length) throw new Error("more tables than bytes for them");
    return true;
  },
};

const manifestDumps: Decoder = {
  ...manifests,
  name: "dumps of manifests",
  rarity: 10,
  judge(input) {
    const { host, path } = manifestFile.show(input);
    return !/no manifest header|damaged/.test(dumpManifestFile(host, path));
  },
};

const edits: Decoder = {
  name: "manifest edits",
  seeds: [
    encodeRecord(TYPE_SNAPSHOT, SNAPSHOT),
    ...EDITS.map((edit) => encodeRecord(TYPE_EDIT, edit)),
    encodeRecord(MANIFEST_CLOSE, {}),
  ].map((record) => record.slice(RECORD_FRAME_BYTES)),
  judge({ choice, length, view }) {
    const record = decodeBody(view);
    if (typeof record === "string" || record.type === "too-new") return false;
    if (choice & 0xe0) return true;
    // Fields may come in another order, so the size is what must be the same.
    const size = encodeRecord(record.type, record.edit).length - RECORD_FRAME_BYTES;
    if (size !== length) throw new Error(`an edit of ${size} bytes in ${length}`);
    return true;
  },
};

const NAMES = [
  walName(12),
  spareName(1),
  tableName(999_999),
  tableName(1_234_567),
  manifestName(7),
  markerName(3, 7),
  markerName(1_000_000, 123_456_789),
];
const spelling = { wal: walName, spare: spareName, table: tableName, manifest: manifestName };
const names: Decoder = {
  name: "file names and markers",
  seeds: NAMES.map(bytesOf),
  judge(input) {
    const name = textOf(input);
    const file = parseFileName(name);
    const marker = parseMarkerName(name);
    const spelled =
      file === undefined
        ? marker && markerName(marker.count, marker.manifestNumber)
        : spelling[file.kind](file.number);
    if (spelled === undefined) return false;
    if (spelled !== name || !Number.isSafeInteger(file?.number ?? marker?.count))
      throw new Error(`${JSON.stringify(name)} was taken for ${spelled}`);
    return true;
  },
};

assert(
  LOGS.every((seed) => seed.length < 1_000),
  "seeds are small",
);

export const logDecoders: readonly Decoder[] = [
  logs,
  logDumps,
  changeLogs,
  walOps,
  headers,
  varints,
  manifests,
  manifestDumps,
  edits,
  names,
];
