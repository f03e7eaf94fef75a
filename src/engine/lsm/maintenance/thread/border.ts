/**
 * What passes between the threads: jobs one way, results and errors the other. All of it is plain data; a memtable is
 * shared memory and never copied.
 *
 * Always true:
 * (1) No view of a larger buffer is sent: a copy of a view takes the whole buffer along.
 * (2) An error of ours comes out as the same class with the same details; any other as an Error with its text and stack.
 */
import { Closed, KotobaError, assert, copyBytes } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import type { MergeResult } from "../../compaction/index.ts";
import { CorruptionError, DiskFull, StorageError } from "../../../contract/index.ts";
import type { StorageCode } from "../../../contract/index.ts";
import type { TableMeta } from "../../manifest/index.ts";
import type { MemtableImage } from "../../memtable/index.ts";
import type { MergeJob, StorePlace } from "../merge-job.ts";

/** What the thread begins with. */
export interface ThreadSetup extends StorePlace {
  /** The counter of file numbers. */
  readonly numbers: ArrayBufferLike;
  /** One 32-bit word; 1 gives up all work. */
  readonly giveUp: SharedArrayBuffer;
}

export interface PostedJob extends Omit<MergeJob, "memtable"> {
  readonly id: number;
  readonly memtable: MemtableImage | undefined;
  /** Of its OutputClaims. */
  readonly claims: SharedArrayBuffer;
}

export type ThreadAnswer =
  | { readonly id: number; readonly result: MergeResult }
  | { readonly id: number; readonly error: SentError };

export function postedJob(job: MergeJob, id: number, claims: SharedArrayBuffer): PostedJob {
  const image = job.memtable?.image();
  assert(job.memtable === undefined || image !== undefined, "where threads are, memory is shared");
  return {
    ...job,
    id,
    memtable: image,
    inputs: job.inputs.map(ownKeys),
    grandparents: job.grandparents.map(ownKeys),
    beneath: job.beneath.map((tables) => tables.map(ownKeys)),
    claims,
  };
}

export function sentResult(result: MergeResult): MergeResult {
  return { ...result, tables: result.tables.map(ownKeys) };
}

function ownKeys(table: TableMeta): TableMeta {
  const { largestKey, smallestKey } = table;
  if (isOwn(smallestKey) && (largestKey === undefined || isOwn(largestKey))) return table;
  return {
    ...table,
    smallestKey: copyBytes(smallestKey),
    largestKey: largestKey === undefined ? undefined : copyBytes(largestKey),
  };
}

function isOwn(bytes: Bytes): boolean {
  return bytes.byteLength === bytes.buffer.byteLength;
}

// ---------------------------------------------------------------- errors

export interface SentError {
  readonly tag: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly cause: SentError | undefined;
}

/** How many causes of causes are told. */
const CAUSES_MAX = 4;

export function sentError(error: unknown, depth = 0): SentError {
  const known = error instanceof Error ? error : undefined;
  const cause = known?.cause;
  return {
    tag: error instanceof KotobaError ? error._tag : undefined,
    message: known?.message ?? String(error),
    stack: known?.stack,
    details: error instanceof KotobaError ? plain(error.details) : {},
    cause: cause === undefined || depth === CAUSES_MAX ? undefined : sentError(cause, depth + 1),
  };
}

/** Details are for people; what cannot be sent as it is goes as text. */
function plain(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === "object" || typeof value === "function" ? textOf(value) : value,
    ]),
  );
}

function textOf(value: object | null): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return typeof value;
  }
}

export function revivedError(sent: SentError): Error {
  const { details, tag } = sent;
  const cause = sent.cause === undefined ? undefined : revivedError(sent.cause);
  const options = cause === undefined ? {} : { cause };
  switch (tag) {
    case "StorageError": {
      const { code, ...others } = details;
      return new StorageError(code as StorageCode, others, options);
    }
    case "DiskFull":
      return new DiskFull(String(details["file"]), options);
    case "CorruptionError":
      return new CorruptionError({
        file: String(details["file"]),
        offset: Number(details["offset"]),
        expected: String(details["expected"]),
        found: String(details["found"]),
      });
    case "Closed":
      return new Closed(String(details["what"]));
    default: {
      const error = new Error(sent.message, options);
      if (sent.stack !== undefined) error.stack = sent.stack;
      return error;
    }
  }
}
