/**
 * What the server or the network says, as an error of the engine.
 *
 * SQLSTATE              while reading            while committing
 * 40001 40P01 25P02     Conflict                 Conflict
 * 55P03
 * 22011                 PRESUMED_WRONGLY     PRESUMED_WRONGLY (presume: no other statement asks for less than nothing)
 * 23505 22012           RequirementFailed is made of these where the plan is known
 * 25P03 25P04           TooOld                   TooOld
 * 57P03 53xxx 25006     Unavailable              Unavailable
 * 26000 0A000           Unavailable              Unavailable      a statement is known no more: another connection will do
 * 57014                 Unavailable              Unavailable      statement_timeout: the server has undone it
 * 57P01 57P02 08xxx     Unavailable              CommitUnknown
 * connection lost       Unavailable              CommitUnknown
 * 42P01 3F000 3D000     NoDatabase               NoDatabase
 * KT001                 NotSupported             NotSupported     the table has a log, which this engine does not write
 * 22P02                 IsolationTooWeak         IsolationTooWeak (assertIsolation: no other statement makes numbers of text)
 * 42P05                 NotSupported             NotSupported     our statements are there already: a pooler of transactions
 * 28xxx 42501 42704     NoPermission             NoPermission
 * TLS, while connecting NoPermission                              a certificate that is not trusted, or no TLS at all
 * all others            Io                       Io
 */
import { KotobaError } from "../../../base/index.ts";
import { CONFLICT, PRESUMED_WRONGLY, StorageError } from "../../contract/index.ts";
import type { StorageCode } from "../../contract/index.ts";
import { ConnectionLost, isServerError } from "./group.ts";

export type Phase = "reading" | "committing";

const CONFLICTS = new Set(["40001", "40P01", "25P02", "55P03"]);
/** Nothing has happened, and another connection or a later time may do. */
const LATER = new Set(["57P03", "25006", "26000", "0A000", "57014"]);
const ENDED = new Set(["57P01", "57P02", "57P05"]);
const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

/** A certificate is not trusted, or of another host: what Node calls the cases of OpenSSL, and those of its own. */
const CERTIFICATE =
  /^(ERR_TLS_CERT_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_|PATH_LENGTH_)/;

/** What is no failure of the server or the network is handed back as it is. */
export function engineFailure(error: unknown, phase: Phase): unknown {
  if (error instanceof KotobaError) return error;
  if (isServerError(error)) return serverFailure(error.code, error, phase);
  if (error instanceof ConnectionLost) return lost(error, error.sent ? phase : "reading");
  // A file that is not there is not a server that is not there.
  const isFile = error instanceof Error && "syscall" in error && error.syscall === "open";
  if (!isFile && error instanceof Error && "code" in error && NETWORK.has(String(error.code)))
    return new StorageError("Unavailable", { code: String(error.code) }, { cause: error });
  return error;
}

function serverFailure(sqlState: string, cause: Error, phase: Phase): Error {
  if (CONFLICTS.has(sqlState)) return CONFLICT;
  if (sqlState === "22011") return PRESUMED_WRONGLY;
  const details = { sqlState, server: cause.message };
  if (LATER.has(sqlState) || sqlState.startsWith("53"))
    return new StorageError("Unavailable", details, { cause });
  if (ENDED.has(sqlState) || sqlState.startsWith("08")) return lost(cause, phase);
  const [code, remedy] = answerTo(sqlState, cause.message);
  return new StorageError(code, details, { cause, ...(remedy === undefined ? {} : { remedy }) });
}

type ErrorAnswer = readonly [code: StorageCode, remedy?: string];

const SESSIONS =
  "Let a pooler in between keep a session for each connection (PgBouncer: pool_mode = session), or leave it out.";
const NO_TABLE: ErrorAnswer = [
  "NoDatabase",
  "Let the engine make its table (makeTable), or make it with the role that may.",
];
const ANSWERS: Readonly<Record<string, ErrorAnswer>> = {
  "22P02": ["IsolationTooWeak", SESSIONS],
  "25P03": ["TooOld"],
  "25P04": ["TooOld"],
  "3D000": [
    "NoDatabase",
    "Make the database on the server first (createdb), or name another one in the url.",
  ],
  "3F000": NO_TABLE,
  "42704": ["NoPermission", "Make the role first, or name another one."],
  "42P01": NO_TABLE,
  "42P05": ["NotSupported", SESSIONS],
  KT001: ["NotSupported", "Open every engine that writes to this table with the option changeLog."],
};

function answerTo(sqlState: string, message: string): ErrorAnswer {
  const known = ANSWERS[sqlState];
  if (known !== undefined) return known;
  if (!sqlState.startsWith("28") && sqlState !== "42501") return ["Io"];
  return [
    "NoPermission",
    /no encryption/.test(message)
      ? "Connect by TLS (sslmode=verify-full in the url, or the option ssl), if the server wants that."
      : "Give the role of the url the right to it, or use another role.",
  ];
}

function lost(cause: Error, phase: Phase): StorageError {
  return new StorageError(
    phase === "committing" ? "CommitUnknown" : "Unavailable",
    { server: cause.message },
    { cause },
  );
}

/** Another server, or a later time, may do. */
export function isUnavailable(failure: unknown): failure is StorageError {
  return failure instanceof StorageError && failure.code === "Unavailable";
}

/** The package tells of a greeting that took too long, was broken off, or is without TLS, in words only. */
export function connectFailure(error: unknown): unknown {
  const failure = engineFailure(error, "reading");
  if (failure !== error || !(error instanceof Error)) return failure;
  const { message } = error;
  if ("syscall" in error && error.syscall === "open")
    return new StorageError(
      "NoPermission",
      { file: message },
      {
        cause: error,
        remedy: "Look at the files that the url names: sslrootcert, sslcert, sslkey.",
      },
    );
  if ("code" in error && CERTIFICATE.test(String(error.code)))
    return new StorageError(
      "NoPermission",
      { tls: String(error.code), server: message },
      {
        cause: error,
        remedy:
          "Name who signed the server's certificate (ssl: { ca }, or sslrootcert in the url), and the server by the name that stands in it.",
      },
    );
  if (/not support SSL/.test(message))
    return new StorageError(
      "NoPermission",
      { server: message },
      {
        cause: error,
        remedy: "Turn TLS on at the server (ssl = on), or do not ask for it.",
      },
    );
  if (!/timeout|terminated|ended|error establishing an SSL/i.test(message)) return error;
  return new StorageError("Unavailable", { server: message }, { cause: error });
}
