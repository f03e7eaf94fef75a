/**
 * The closed list of errors that an engine may raise. Each says by itself whether running the work again can help
 * (`retryable`) and whether the commit happened (`committed`).
 */
import { KotobaError, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

/** Another commit changed what this transaction had read. Nothing of this commit took effect. */
export class Conflict extends KotobaError<"Conflict"> {
  readonly _tag = "Conflict" as const;
  /** How often the work was run before giving up; 0 inside the library. */
  readonly attempts: number;
  constructor(attempts = 0) {
    super({
      sentence: "Another transaction changed what this one read.",
      remedy: "Run the transaction again, or give it a longer timeout.",
      details: attempts === 0 ? undefined : { attempts },
    });
    this.attempts = attempts;
  }
  override get retryable(): boolean {
    return true;
  }
}

/**
 * The one Conflict that travels inside the library. Making an Error with a stack costs about 3 µs, and conflicts are
 * expected; the transaction room makes a new one when it must leave the library.
 */
export const CONFLICT: Conflict = new Conflict();

/** The same of a transaction that took a key to hold another value than it does: the next attempt had better look. */
export const PRESUMED_WRONGLY: Conflict = new Conflict();

/** A requirement of a commit plan did not hold. Nothing took effect. The typed layer makes UniqueViolation of it. */
export class RequirementFailed extends KotobaError<"RequirementFailed"> {
  readonly _tag = "RequirementFailed" as const;
  readonly key: Bytes;
  constructor(key: Bytes) {
    super({
      sentence: "A requirement of the commit did not hold.",
      remedy: "Read the key and decide again.",
      details: { key: hex(key) },
    });
    this.key = key;
  }
}

const storageCases = {
  Io: {
    retry: false,
    sentence: "The storage below failed.",
    remedy: "Look at the cause, then open the database again: what was acknowledged is kept.",
  },
  NotADirectory: {
    retry: false,
    sentence: "The path of the database is not a folder.",
    remedy: "Give the path of a folder, or of one that can be made.",
  },
  NoPermission: {
    retry: false,
    sentence: "This process is not allowed to use the database.",
    remedy: "Give the process the right to read and write in the folder, or choose another one.",
  },
  TooOld: {
    retry: true,
    sentence: "The state that was asked for is too old.",
    remedy: "Begin again with a new transaction or snapshot.",
  },
  Unavailable: {
    retry: true,
    sentence: "The storage cannot be reached now.",
    remedy: "Try again later.",
  },
  CommitUnknown: {
    retry: false,
    sentence: "It is not known whether the commit took effect.",
    remedy:
      "Look inside the transaction that tries again; a read outside of one may not show it yet.",
  },
  KeyTooLarge: {
    retry: false,
    sentence: "A key is larger than the engine's limit.",
    remedy: "Use a shorter id, or index a shorter value.",
  },
  ValueTooLarge: {
    retry: false,
    sentence: "A value is larger than the engine's limit.",
    remedy: "Split the document into smaller ones.",
  },
  TransactionTooLarge: {
    retry: false,
    sentence: "A transaction is larger than the engine's limit.",
    remedy: "Write in several smaller transactions.",
  },
  IsolationTooWeak: {
    retry: false,
    sentence: "The engine does not give serializable isolation.",
    remedy: "Configure the storage for serializable transactions.",
  },
  ReadOnly: {
    retry: false,
    sentence: "The engine takes no writes after an earlier failure.",
    remedy: "Close the database and open it again: what was acknowledged is kept.",
  },
  OpenedReadOnly: {
    retry: false,
    sentence: "The database was opened for reading only.",
    remedy: "Open it without readOnly to change anything.",
  },
  NoDatabase: {
    retry: false,
    sentence: "There is no database in the place that was named.",
    remedy: "Look at the path; opening for reading only makes no database.",
  },
  NotEmpty: {
    retry: false,
    sentence: "The folder is not empty.",
    remedy: "Name a folder that is empty or not there; nothing was changed.",
  },
  UnfinishedCopy: {
    retry: false,
    sentence: "The database is a copy that has not come to its end.",
    remedy: "Copy again to the same place: the copy goes on, or begins anew. Or empty the place.",
  },
  NotSupported: {
    retry: false,
    sentence: "This engine cannot do what was asked.",
    remedy: "Use an engine that can; a database in a folder does.",
  },
  FormatTooNew: {
    retry: false,
    sentence: "The database was written by a newer version of KotobaDB.",
    remedy: "Open it with that version or a later one; nothing was changed.",
  },
  FormatTooOld: {
    retry: false,
    sentence: "The database was written by an older version of KotobaDB, in a format of its own.",
    remedy: "Export the data with that version and import it here; nothing was changed.",
  },
  CodecMissing: {
    retry: false,
    sentence: "The database is compressed in a way that this Node does not have.",
    remedy: "Open it with the Node named here or a later one; nothing was changed.",
  },
} as const;
export type StorageCode = keyof typeof storageCases;

/** The storage could not do what was asked; `code` says which case it is. */
export class StorageError extends KotobaError<"StorageError"> {
  readonly _tag = "StorageError" as const;
  readonly code: StorageCode;
  constructor(
    code: StorageCode,
    details?: Readonly<Record<string, unknown>>,
    /** `remedy`: where there is a better one than the usual of the code. */
    options?: { readonly cause?: unknown; readonly remedy?: string },
  ) {
    const { sentence, remedy } = storageCases[code];
    super({
      sentence,
      remedy: options?.remedy ?? remedy,
      details: { code, ...details },
      cause: options?.cause,
    });
    this.code = code;
  }
  override get retryable(): boolean {
    return storageCases[this.code].retry;
  }
  override get committed(): "no" | "unknown" {
    return this.code === "CommitUnknown" || this.code === "Io" ? "unknown" : "no";
  }
}

/** The change log does not reach back to a version, or cannot tell what came after it. */
export function changesTooOld(details: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError(
    "TooOld",
    { what: "change log", ...details },
    { remedy: "Read anew what the changes were to keep up to date, and follow from there." },
  );
}

/** Bytes on the disk are not what was written. The rest of the database stays readable. */
export class CorruptionError extends KotobaError<"CorruptionError"> {
  readonly _tag = "CorruptionError" as const;
  readonly file: string;
  /** Where in the file, in bytes from its start. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  constructor(place: {
    readonly file: string;
    readonly offset: number;
    readonly expected: string;
    readonly found: string;
  }) {
    super({
      sentence: "A file of the database is damaged.",
      remedy:
        "Restore the file from a backup; what does not need the damaged place stays readable.",
      details: place,
    });
    this.file = place.file;
    this.offset = place.offset;
    this.expected = place.expected;
    this.found = place.found;
  }
}

/** The disk is full. Nothing that was acknowledged is lost, and nothing of what was refused has happened. */
export class DiskFull extends KotobaError<"DiskFull"> {
  readonly _tag = "DiskFull" as const;
  constructor(file: string, options?: { readonly cause?: unknown }) {
    super({
      sentence: "The disk is full.",
      remedy: "Make room: reads go on, and writes do as soon as there is some.",
      details: { file },
      cause: options?.cause,
    });
  }
}

/** Another process, or this one, has the database open. */
export class DatabaseLocked extends KotobaError<"DatabaseLocked"> {
  readonly _tag = "DatabaseLocked" as const;
  readonly path: string;
  /** Who holds it, as far as can be told: "process 4711 on host". */
  readonly holder: string;
  constructor(path: string, holder: string) {
    super({
      sentence: "The database is open elsewhere.",
      remedy: "Close it there first; one process at a time may open a database.",
      details: { path, holder },
    });
    this.path = path;
    this.holder = holder;
  }
}
