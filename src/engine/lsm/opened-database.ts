/** What opening hands to the engine. */
import type { Bytes } from "../../base/index.ts";
import type { ChangeLog } from "./change-log/index.ts";
import type { OpenTables } from "./compaction/index.ts";
import type { DirectoryLock, Host } from "./host/index.ts";
import type { ManifestWriter } from "./manifest/index.ts";
import type { LsmSettings } from "./settings/index.ts";
import type { LsmEvents } from "./report/index.ts";
import type { FileNumbers, RecoveryReport } from "./recovery/index.ts";
import type { Tree } from "./read/index.ts";
import type { LogFiles, WalWriter } from "./wal/index.ts";

/** What the engine stands on, whether it writes or only reads. */
export interface EngineParts {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  readonly settings: LsmSettings;
  readonly events: LsmEvents;
  readonly tree: Tree;
  readonly tables: OpenTables;
  /** undefined: it was not asked for, or nothing is written. */
  readonly changeLog: ChangeLog | undefined;
  /** What opening found and lost. */
  readonly recoveryReport: RecoveryReport;
}

/** A database that was opened to be written: everything read, checked and made durable. */
export interface OpenedDatabase extends EngineParts {
  readonly lock: DirectoryLock;
  readonly numbers: FileNumbers;
  readonly manifest: ManifestWriter;
  readonly logs: LogFiles;
  readonly wal: WalWriter;
  /** Of the newest commit. */
  readonly lastSequence: number;
}
