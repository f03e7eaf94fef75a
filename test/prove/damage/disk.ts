/**
 * The files of one database as plain bytes by name, so that a damage is a function from one disk to another; and what a
 * log says of itself, read by a few lines that share nothing with the engine.
 */
import type { Bytes } from "../../../src/base/index.ts";
import { SimulatedHost } from "kotobadb/testing";

export const PATH = "/home/simulation/db";

export type Disk = ReadonlyMap<string, Bytes>;

export function diskOf(host: SimulatedHost): Disk {
  const names = host.paths().filter((path) => path.startsWith(`${PATH}/`));
  return new Map(names.map((path) => [path.slice(PATH.length + 1), host.contentOf(path)]));
}

/** A machine with these files on its disk. */
export function hostOf(disk: Disk, seed = 1): SimulatedHost {
  const host = new SimulatedHost({ seed });
  host.files.makeDirectory(PATH);
  for (const [name, bytes] of disk) {
    const file = host.files.open(`${PATH}/${name}`, "create");
    if (bytes.length > 0) file.write(bytes, 0, bytes.length, 0);
    file.close();
  }
  return host;
}

type FileKind = "log" | "table" | "manifest" | "marker" | "spare" | "lock" | "other";

export function kindOf(name: string): FileKind {
  if (name.endsWith(".log")) return "log";
  if (name.endsWith(".sst")) return "table";
  if (name.endsWith(".spare")) return "spare";
  if (name.startsWith("MANIFEST-")) return "manifest";
  if (name.startsWith("marker.")) return "marker";
  return name === "LOCK" ? "lock" : "other";
}

/** The number in the name of a log, a table, a spare or a manifest. */
export function numberOf(name: string): number {
  return Number(/(\d{6,})(?:\.\w+)?$/.exec(name)?.[1] ?? Number.NaN);
}

export const HEADER_BYTES = 40;
const FRAME_BYTES = 8;

/** One record of a log or a manifest that is known to be sound. */
export interface RecordPlace {
  readonly start: number;
  readonly end: number;
}

/** The records of a sound log or manifest: the frame of each says how long it is, and the file's identity is in logs. */
export function recordsOf(name: string, bytes: Bytes): readonly RecordPlace[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isLog = kindOf(name) === "log";
  const records: RecordPlace[] = [];
  for (let start = HEADER_BYTES; start + FRAME_BYTES < bytes.length;) {
    const end = start + FRAME_BYTES + view.getUint32(start, true);
    if (end === start + FRAME_BYTES || end > bytes.length) break;
    // Behind the end of a log lie zeros, or what the file held that was used before: records of another identity.
    if (isLog && view.getUint32(start + 9, true) !== view.getUint32(36, true)) break;
    records.push({ start, end });
    start = end;
  }
  return records;
}

/** Everything before this offset was durable when the record of a log was written. */
export function syncedUpTo(bytes: Bytes, { start }: RecordPlace): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.getUint32(start + 13, true) + view.getUint16(start + 17, true) * 2 ** 32;
}

export function isCloseMark(name: string, bytes: Bytes, { start }: RecordPlace): boolean {
  return kindOf(name) === "log" ? bytes[start + 8] === 2 : bytes[start + 8] === 3;
}
