/** Errors of the use of transactions. What the engine raises (Conflict, StorageError …) passes through beside them. */
import { KotobaError } from "../base/index.ts";

/** How a transaction came to its end. */
export type Ending = "committed" | "aborted" | "timed out";

/** A transaction, or a scan of it, was used after its body had ended. */
export class TransactionClosed extends KotobaError<"TransactionClosed"> {
  readonly _tag = "TransactionClosed" as const;
  constructor(ending: Ending) {
    super({
      sentence: "A transaction was used after its end.",
      remedy: "Await every operation inside the body, and keep no handle of the transaction.",
      details: { ending },
    });
  }
}

/** A transaction was begun inside the body of another one of the same database. */
export class NestedTransaction extends KotobaError<"NestedTransaction"> {
  readonly _tag = "NestedTransaction" as const;
  constructor() {
    super({
      sentence: "A transaction was begun inside the body of another.",
      remedy:
        "Pass the outer transaction to the function that needs one; work that must be committed apart begins after it.",
    });
  }
}

/** The body ended while an operation that it had begun was unfinished, or had failed without anybody looking. */
export class UnawaitedWork extends KotobaError<"UnawaitedWork"> {
  readonly _tag = "UnawaitedWork" as const;
  constructor(
    counts: { readonly unfinished: number; readonly failed: number },
    options?: { readonly cause?: unknown },
  ) {
    super({
      sentence: "The body of a transaction ended before its operations did. Nothing was committed.",
      remedy: "Await every operation inside the body.",
      details: counts,
      cause: options?.cause,
    });
  }
}

/** The body was still running when the time of the transaction was over. Nothing was committed. */
export class TransactionTimeout extends KotobaError<"TransactionTimeout"> {
  readonly _tag = "TransactionTimeout" as const;
  constructor(details: { readonly timeoutMillis: number; readonly attempts: number }) {
    super({
      sentence: "A transaction took longer than its timeout. Nothing was committed.",
      remedy:
        "Keep slow work (network, other databases) out of the body, or give a longer timeout.",
      details,
    });
  }
}

/** A write in a transaction that was begun as read-only. */
export class ReadOnlyTransaction extends KotobaError<"ReadOnlyTransaction"> {
  readonly _tag = "ReadOnlyTransaction" as const;
  constructor() {
    super({
      sentence: "A read-only transaction was asked to write.",
      remedy: "Begin the transaction without `readOnly`.",
    });
  }
}
