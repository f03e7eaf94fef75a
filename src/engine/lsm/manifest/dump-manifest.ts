/** A manifest as text, for people and golden tests: its records, then what is wrong, if anything is. */
import { hex } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import {
  FILE_HEADER_BYTES,
  RECORD_FRAME_BYTES,
  decodeFileHeader,
  manifestName,
  pathIn,
} from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import {
  MANIFEST_MAGIC,
  TYPE_CLOSE,
  TYPE_EDIT,
  TYPE_SNAPSHOT,
  decodeBody,
} from "./manifest-format.ts";
import type { ManifestRecord, TooNew } from "./manifest-format.ts";
import { readWhole, recordBehind, recordEnd, rulingMarker } from "./manifest-reader.ts";
import type { TableMeta } from "./version-edit.ts";

const typeNames = { [TYPE_SNAPSHOT]: "snapshot", [TYPE_EDIT]: "edit", [TYPE_CLOSE]: "close" };

/** The marker, the header, and each record of the manifest that rules the directory; keys in hexadecimal. */
export function dumpManifest(host: Host, directory: string): string {
  const marker = rulingMarker(host, directory);
  if (marker === undefined) return "no marker\n";
  const path = pathIn(directory, manifestName(marker.manifestNumber));
  if (!host.files.exists(path)) return `${marker.name}\nno such manifest\n`;
  return `${[marker.name, ...dumpLines(readWhole(host, path))].join("\n")}\n`;
}

/** The same of one file, whether it rules or not. */
export function dumpManifestFile(host: Host, path: string): string {
  return `${dumpLines(readWhole(host, path)).join("\n")}\n`;
}

function dumpLines(bytes: Bytes): string[] {
  const header = decodeFileHeader(bytes, MANIFEST_MAGIC);
  if (header === undefined) {
    return [`no manifest header: ${hex(bytes.subarray(0, FILE_HEADER_BYTES)) || "nothing"}`];
  }
  const { fileNumber, formatVersion, storeId, identity } = header;
  const lines = [`manifest ${fileNumber}, format ${formatVersion}, store ${hex(storeId)}`];
  let offset = FILE_HEADER_BYTES;
  while (offset < bytes.length) {
    const end = recordEnd(bytes, offset, identity);
    if (end === undefined) {
      const behind = recordBehind(bytes, offset, identity);
      const cause = behind === undefined ? "torn" : `damaged: there is a record at ${behind}`;
      return [...lines, `${offset}  ${bytes.length - offset} bytes that are no record (${cause})`];
    }
    const record = decodeBody(bytes.subarray(offset + RECORD_FRAME_BYTES, end));
    lines.push(...recordLines(offset, record));
    offset = end;
  }
  return [...lines, `${offset}  end`];
}

function recordLines(offset: number, record: ManifestRecord | TooNew | string): string[] {
  if (typeof record === "string") return [`${offset}  ${record}`];
  if (record.type === "too-new") return [`${offset}  of the newer format ${record.formatVersion}`];
  const { edit, type } = record;
  const numbers = [
    ["format", edit.formatVersion],
    ["log", edit.logNumber],
    ["next file", edit.nextFileNumber],
    ["last sequence", edit.lastSequence],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  return [
    [`${offset}  ${typeNames[type]}`, ...numbers].join(", "),
    ...(edit.removed ?? []).map((fileNumber) => `      - table ${fileNumber}`),
    ...(edit.added ?? []).map(tableLine),
  ];
}

/** The last moment that a Date can be; more is no time that anything was written at. */
const DATE_MILLIS_MAX = 8.64e15;

function timeText(millis: number): string {
  return millis > DATE_MILLIS_MAX ? `${millis} ms` : new Date(millis).toISOString();
}

function tableLine(table: TableMeta): string {
  const largest = table.largestKey === undefined ? "end]" : `${hex(table.largestKey)}]`;
  return [
    `      + table ${table.fileNumber} level ${table.level}`,
    `bytes ${table.fileBytes}`,
    `entries ${table.entries} (${table.tombstones} deletes)`,
    `range deletes ${table.rangeDeletes}`,
    `blocks ${table.dataBlocks} (${table.denseBlocks} dense)`,
    `raw ${table.rawBytes}`,
    `written ${timeText(table.writtenAtMillis)}`,
    `keys [${hex(table.smallestKey)}, ${largest}`,
    `sequences ${table.smallestSequence} to ${table.largestSequence}`,
    `crc ${table.fileCrc.toString(16).padStart(8, "0")}`,
  ].join(", ");
}
