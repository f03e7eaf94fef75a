/** What opening hands to the engine. */
import type { Bytes } from "../../base/index.ts";
import type { ChangeLog } from "./change-log/index.ts";
import type { OpenTables } from "./compaction/index.ts";
import type { DirectoryLock, Host } from "./host/index.ts";
import type { ManifestWriter } from "./manifest/index.ts";
import type { LsmSettings } from "./options.ts";
import type { FileNumbers, RecoveryReport } from "./recovery/index.ts";
import type { Tree } from "./tree.ts";
import type { LogFiles, WalWriter } from "./wal/index.ts";

/** A database that was opened: everything read, checked and made durable. */
export interface OpenedDatabase {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  readonly settings: LsmSettings;
  readonly lock: DirectoryLock;
  readonly tree: Tree;
  readonly tables: OpenTables;
  readonly numbers: FileNumbers;
  readonly manifest: ManifestWriter;
  readonly logs: LogFiles;
  /** undefined: it was not asked for. */
  readonly changeLog: ChangeLog | undefined;
  /** What opening found and lost. */
  readonly recoveryReport: RecoveryReport;
  readonly wal: WalWriter;
  /** Of the newest commit. */
  readonly lastSequence: number;
}
