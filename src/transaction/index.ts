// Running work
export { refuseNested } from "./nesting.ts";
export { transact } from "./transact.ts";
export type { TransactOptions } from "./transact.ts";
export { Transaction } from "./transaction.ts";
export type { TransactionHost } from "./transaction-host.ts";
// Plain reads
export { fullView } from "./reading/full-view.ts";
export type { FullView } from "./reading/full-view.ts";
export { withView } from "./with-view.ts";
export type { ReadRanges, Touched } from "./read-ranges.ts";
export { withRecordedView } from "./with-recorded-view.ts";
export { untilKept } from "./until-kept.ts";
// Commits whose answer may be lost
export { exactlyOnce } from "./once/exactly-once.ts";
export type { OnceHost } from "./once/settle-commit.ts";
// Errors
export {
  NestedTransaction,
  ReadOnlyTransaction,
  TransactionClosed,
  TransactionTimeout,
  UnawaitedWork,
} from "./transaction-error.ts";
