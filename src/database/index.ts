// Opening
export { bindDatabase, isMistake, open, openCore } from "./open-database.ts";
export type { Db, DbSnapshot, TransactionRunner, Tx } from "./open-database.ts";
export { InvalidOption } from "./options.ts";
export type { ChangeLogSizes, FreeNames, OpenOptions, OpenTarget } from "./options.ts";
export type { LsmEvent } from "../engine/lsm/index.ts";
export type { DatabaseEvent } from "./database-event.ts";
export { DatabaseCore } from "./database-core.ts";
// The surface
export type { DbOf, TransactionOptions, TxOf, Verification } from "./database-type.ts";
export type {
  Change,
  Collection,
  Defs,
  Grouped,
  IndexQuery,
  PageOf,
  PageOptions,
  Query,
  ReadQuery,
  Reference,
  UniqueWhere,
} from "./surface.ts";
export type {
  EngineFailure,
  OneError,
  OpenError,
  PageError,
  ReadError,
  TransactionError,
  WriteError,
} from "./failures.ts";
export type { ChangesOptions, DocumentChange } from "./changes/change-options.ts";
export type { LiveOptions, LiveQuery, LiveResult, LiveStore } from "./live/live-options.ts";
// Text of documents, in and out
export type { ExportOptions } from "./transfer/transfer-options.ts";
export { CollectionNotEmpty, ImportFailed } from "../collections/index.ts";
export type {
  BadLine,
  ExportFormat,
  ImportOptions,
  ImportProgress,
  ImportResult,
  LoadOptions,
  LoadResult,
  TextSource,
} from "../collections/index.ts";
// What stands below and belongs to the surface
export { Closed, KotobaError } from "../base/index.ts";
export {
  Conflict,
  CorruptionError,
  DatabaseLocked,
  DiskFull,
  StorageError,
} from "../engine/contract/index.ts";
export type { Durability, SnapshotOptions } from "../engine/contract/index.ts";
export {
  NestedTransaction,
  ReadOnlyTransaction,
  TransactionClosed,
  TransactionTimeout,
  UnawaitedWork,
} from "../transaction/index.ts";
export type { Transaction } from "../transaction/index.ts";
export {
  collection,
  DanglingReference,
  EvolutionFailed,
  IndexNotReady,
  inc,
  InvalidDefinition,
  InvalidQuery,
  NotFound,
  push,
  ref,
  ReferenceViolation,
  SchemaMismatch,
  UniqueViolation,
  ValidationError,
} from "../collections/index.ts";
export type {
  CollectionOptions,
  Def,
  Definition,
  DocOf,
  Filter,
  Id,
  IndexSpec,
  InsertOf,
  ExactRelations,
  MismatchReason,
  Patch,
  Referrer,
  RelationSpec,
  RelationSpecs,
  ValidationIssue,
} from "../collections/index.ts";
export { FullScan, InvalidCursor, NotUnique, SortTooLarge } from "../query/index.ts";
export type { Explanation, FullScanRule } from "../query/index.ts";
