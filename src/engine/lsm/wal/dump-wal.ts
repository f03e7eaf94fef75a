/** A log as text, for people and golden tests: all that is readable, then what is wrong, if anything is. Never throws for what it reads. */
import { hex } from "../../../base/index.ts";
import { FILE_HEADER_BYTES, decodeFileHeader, entryKindName } from "../codec/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import { TYPE_CLOSE, WAL_MAGIC } from "./wal-format.ts";
import type { WalOp } from "./wal-format.ts";
import { WalScan } from "./wal-scan.ts";
import type { BadRecord, WalRecord } from "./wal-scan.ts";

/** One line for the header, for each record and each op; keys and values in hexadecimal. */
export function dumpWal(host: Host, path: string): string {
  const file = host.files.open(path, "read");
  try {
    return `${dumpLines(file).join("\n")}\n`;
  } finally {
    file.close();
  }
}

function dumpLines(file: FileHandle): string[] {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const read = file.read(bytes, 0, FILE_HEADER_BYTES, 0);
  const header = decodeFileHeader(bytes.subarray(0, read), WAL_MAGIC);
  if (header === undefined) return [`no log header: ${hex(bytes.subarray(0, read)) || "nothing"}`];
  const lines = [
    `log ${header.fileNumber}, format ${header.formatVersion}, store ${hex(header.storeId)}`,
  ];
  const scan = new WalScan(file, header.identity);
  let offset = FILE_HEADER_BYTES;
  for (;;) {
    const record = scan.recordAt(offset);
    if ("found" in record) return [...lines, endLine(scan, record)];
    lines.push(...recordLines(scan, record));
    offset = record.end;
    if (record.head.type === TYPE_CLOSE) return [...lines, `${offset}  end`];
  }
}

function endLine(scan: WalScan, { found, offset }: BadRecord): string {
  const witness = scan.witnessAgainst(offset);
  if (witness === undefined) return `${offset}  end, not closed: ${found}`;
  return `${offset}  damaged: ${found}, and the record at ${witness.offset} was synced later`;
}

function recordLines(scan: WalScan, record: WalRecord): string[] {
  const { type, syncedUpTo, sequence, count } = record.head;
  const place = `${record.offset}  `;
  if (type === TYPE_CLOSE) {
    const time = new Date(scan.closedAtMillisOf(record)).toISOString();
    return [`${place}close after ${sequence}, synced up to ${syncedUpTo}, at ${time}`];
  }
  const ops = scan.opsOf(record);
  const line = `${place}commit ${sequence}, synced up to ${syncedUpTo}, ops ${count}`;
  return typeof ops === "string" ? [line, `      ${ops}`] : [line, ...ops.map(opLine)];
}

function opLine({ kind, key, value }: WalOp): string {
  const text = `      ${entryKindName(kind)} ${hex(key) || "(empty)"}`;
  if (kind === 1) return `${text} = ${hex(value) || "(empty)"}`;
  return kind === 3 ? `${text} to ${hex(value) || "(empty)"}` : text;
}
