/** The errors that the methods of the surface may fail with: written once, exact, for every door. */
import type { Closed } from "../base/index.ts";
import type {
  DanglingReference,
  EvolutionFailed,
  IndexNotReady,
  NotFound,
  ReferenceViolation,
  SchemaMismatch,
  UniqueViolation,
  ValidationError,
} from "../collections/index.ts";
import type {
  Conflict,
  CorruptionError,
  DatabaseLocked,
  DiskFull,
  StorageError,
} from "../engine/contract/index.ts";
import type { TransactionTimeout } from "../transaction/index.ts";
import type {
  FullScan,
  InvalidCursor,
  InvalidQuery,
  NotUnique,
  SortTooLarge,
} from "../query/index.ts";

/** What any use of a database may meet: the disk, damage, a closed handle. */
export type EngineFailure = StorageError | CorruptionError | DiskFull | Closed;
/** What opening may meet. */
export type OpenError = EngineFailure | DatabaseLocked;
export type ReadError =
  | EngineFailure
  | SchemaMismatch
  | EvolutionFailed
  | InvalidQuery
  | FullScan
  | SortTooLarge
  | DanglingReference
  | IndexNotReady;
export type OneError = ReadError | NotFound | NotUnique;
export type PageError = ReadError | InvalidCursor;
export type WriteError =
  | EngineFailure
  | SchemaMismatch
  | EvolutionFailed
  | ValidationError
  | UniqueViolation
  | ReferenceViolation
  | IndexNotReady
  | Conflict;
export type TransactionError =
  | EngineFailure
  | SchemaMismatch
  | EvolutionFailed
  | UniqueViolation
  | Conflict
  | TransactionTimeout;
