/**
 * Statements that travel together: one flush to the server, one answer for all of them, in one round trip.
 *
 * Always true:
 * (1) There is one Sync, behind the last statement. So when one fails the server leaves out those behind it; and outside
 *     of a BEGIN they are one transaction, which is committed at the Sync or not at all.
 * (2) `finished` settles once, after the server is ready for more or the connection is lost; with an error if one
 *     statement failed.
 * (3) A statement is bound by its name only: all are prepared when the connection is made. One that was prepared behind
 *     a statement that failed would be known to the client and not to the server.
 */
import type { Bytes } from "../../../base/index.ts";
import type { ServerError, Submitted, Value, Wire } from "./driver.ts";

/** One of the fixed statements of a table, prepared on every connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}
export interface Call {
  readonly statement: Statement;
  readonly values: readonly Value[];
  /** What a COPY FROM STDIN is to read: sent with it, so that nothing waits for the server to ask for it. */
  readonly copied?: readonly Bytes[];
}

/** Columns as the server's text; bytes are \x and hexadecimal digits. */
export type Row = readonly (string | null)[];

/** What one statement led to. */
export interface Answer {
  readonly rows: readonly Row[];
  /** The command's tag: "SELECT 3", "COMMIT". */
  readonly tag: string;
}

/** The connection ended before the answer was there. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  /** Whether the server may have got what was asked. */
  readonly sent: boolean;
  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.sent = sent;
  }
}

/** Whether a transaction is open on the connection: I no, T yes, E one that failed and must be rolled back. */
export type Status = "I" | "T" | "E";

export class Group implements Submitted {
  readonly finished: Promise<readonly Answer[]>;
  readonly #calls: readonly Call[];
  readonly #prepare: readonly Statement[];
  readonly #answers: Answer[] = [];
  #rows: Row[] = [];
  #heard = 0;
  #error: Error | undefined;
  #status: Status | undefined;
  #resolve!: (answers: readonly Answer[]) => void;
  #reject!: (error: Error) => void;

  /** `prepare`: parsed first. */
  constructor(calls: readonly Call[], prepare: readonly Statement[] = []) {
    this.#calls = calls;
    this.#prepare = prepare;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** What the server said when it was ready again; undefined where the connection was lost before. */
  get status(): Status | undefined {
    return this.#status;
  }

  /** How much the server has said so far: it changes with every row and every statement that has ended. */
  get heard(): number {
    return this.#heard;
  }

  submit(wire: Wire): null {
    wire.stream.cork?.();
    try {
      for (const { name, text } of this.#prepare) wire.parse({ name, text });
      for (const { copied, statement, values } of this.#calls) {
        wire.bind({ statement: statement.name, values: values.map(asParameter) });
        wire.execute();
        // If the statement has failed the server passes over these, and all else up to the Sync.
        if (copied === undefined) continue;
        for (const chunk of copied) wire.sendCopyFromChunk(asBuffer(chunk));
        wire.endCopyFrom();
      }
      wire.once("readyForQuery", ({ status }) => {
        this.#ready(status as Status);
      });
      wire.sync();
    } catch (error) {
      // Half a group must not be synced: the server takes the end of the connection as a rollback.
      wire.stream.destroy(error as Error);
    } finally {
      wire.stream.uncork?.();
    }
    return null;
  }

  /** The connection is gone: no answer will come. */
  lost(cause: Error): void {
    this.#reject(this.#error ?? new ConnectionLost("The connection was lost.", true, { cause }));
  }

  handleDataRow({ fields }: { readonly fields: Row }): void {
    this.#rows.push(fields);
    this.#heard++;
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#answers.push({ rows: this.#rows, tag: text });
    this.#rows = [];
    this.#heard++;
  }

  /** Of the server, then the server gets ready; or of the connection, then it is lost. */
  handleError(error: Error): void {
    if (isServerError(error)) this.#error ??= error;
    else this.lost(error);
  }

  handleEmptyQuery(): void {}
  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
  handleReadyForQuery(): void {}

  #ready(status: Status): void {
    this.#status = status;
    if (this.#error === undefined) this.#resolve(this.#answers);
    else this.#reject(this.#error);
  }
}

export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && "severity" in error && "code" in error;
}

function asParameter(value: Value): Buffer | string | null {
  return typeof value === "string" || value === null ? value : asBuffer(value);
}

function asBuffer(bytes: Bytes): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
