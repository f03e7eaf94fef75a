/**
 * KotobaDB: the embedded typed document store for TypeScript.
 *
 * @packageDocumentation
 */
// Opening a database
export { open } from "./database/index.ts";
export type { Db, OpenOptions, OpenTarget } from "./database/index.ts";
// Describing collections
export { collection, ref } from "./database/index.ts";
export type {
  CollectionOptions,
  Def,
  Definition,
  DocOf,
  Id,
  IndexSpec,
  InsertOf,
  RelationSpec,
  RelationSpecs,
} from "./database/index.ts";
// Reading and writing
export { inc, push } from "./database/index.ts";
export type {
  Change,
  ChangeLogSizes,
  ChangesOptions,
  Collection,
  DbSnapshot,
  DocumentChange,
  Durability,
  Explanation,
  Filter,
  FullScanRule,
  Grouped,
  IndexQuery,
  LiveOptions,
  LiveQuery,
  LiveResult,
  LiveStore,
  DatabaseEvent,
  LsmEvent,
  PageOf,
  PageOptions,
  Patch,
  Query,
  ReadQuery,
  Reference,
  SnapshotOptions,
  TransactionOptions,
  Tx,
  UniqueWhere,
  Verification,
} from "./database/index.ts";
// Text of documents, in and out
export type {
  BadLine,
  ExportFormat,
  ExportOptions,
  ImportOptions,
  ImportProgress,
  ImportResult,
  LoadOptions,
  LoadResult,
  TextSource,
} from "./database/index.ts";
// Errors
export {
  Closed,
  CollectionNotEmpty,
  Conflict,
  CorruptionError,
  DanglingReference,
  IndexNotReady,
  DatabaseLocked,
  DiskFull,
  EvolutionFailed,
  FullScan,
  ImportFailed,
  InvalidCursor,
  InvalidDefinition,
  InvalidOption,
  InvalidQuery,
  KotobaError,
  NestedTransaction,
  NotFound,
  NotUnique,
  ReadOnlyTransaction,
  ReferenceViolation,
  SchemaMismatch,
  SortTooLarge,
  StorageError,
  TransactionClosed,
  TransactionTimeout,
  UnawaitedWork,
  UniqueViolation,
  ValidationError,
} from "./database/index.ts";
export type {
  EngineFailure,
  MismatchReason,
  OneError,
  OpenError,
  PageError,
  ReadError,
  Referrer,
  TransactionError,
  ValidationIssue,
  WriteError,
} from "./database/index.ts";
