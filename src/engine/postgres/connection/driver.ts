/**
 * What is used of the package `pg` (docs/decisions/0012-postgres-driver.md): its client, which connects, proves who it is
 * and speaks TLS, and its door for those who send messages of the protocol themselves (`submit`), as pg-cursor does.
 *
 * The package is an optional peer dependency, so it is imported when a database is opened, and its types stay in here.
 */
import type { Bytes } from "../../../base/index.ts";
import { StorageError } from "../../contract/index.ts";

/** Bytes go in binary. Text is for what has no bytes: numbers, and lists of them. */
export type Value = Bytes | string | null;

/** The messages of one connection, as the package gives them to what is submitted. */
export interface Wire {
  readonly stream: { cork?(): void; uncork?(): void; destroy(error?: Error): unknown };
  parse(statement: { readonly name: string; readonly text: string }): void;
  bind(portal: {
    readonly statement: string;
    readonly values: readonly (Buffer | string | null)[];
  }): void;
  execute(): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sync(): void;
  once(event: "readyForQuery", listener: (message: { readonly status: string }) => void): unknown;
}

/** An error that the server has answered. */
export interface ServerError extends Error {
  /** SQLSTATE: five characters. */
  readonly code: string;
  readonly severity: string;
  readonly detail?: string;
}

/** What the package calls back while it is the one whose answers arrive. */
export interface Submitted {
  submit(wire: Wire): null;
  handleRowDescription(): void;
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleEmptyQuery(): void;
  handlePortalSuspended(): void;
  handleCopyInResponse(): void;
  handleCopyData(): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
}

export interface QueryResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export interface Client {
  /** Read when the server asks for it. */
  password: string | (() => string | Promise<string>) | null | undefined;
  connect(): Promise<unknown>;
  query(submitted: Submitted): unknown;
  query(text: string): Promise<QueryResult | readonly QueryResult[]>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  end(): Promise<void>;
}

/** How a server is reached. All else (TLS, the application's name) stands in the url. */
export interface ClientOptions {
  readonly connectionString: string;
  readonly connectionTimeoutMillis: number;
  readonly keepAlive: boolean;
  readonly application_name: string;
  readonly password?: string | (() => string | Promise<string>);
  readonly ssl?: boolean | object;
}

export interface Driver {
  readonly Client: new (options: ClientOptions) => Client;
}

/** @throws StorageError 'NotSupported' where the package is not installed. */
export async function loadDriver(): Promise<Driver> {
  try {
    return (await import("pg")) as unknown as Driver;
  } catch (cause) {
    throw new StorageError(
      "NotSupported",
      { missing: "the package pg" },
      { cause, remedy: "Install it beside kotobadb: npm install pg" },
    );
  }
}
