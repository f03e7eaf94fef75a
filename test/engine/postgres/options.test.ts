/** What postgres() refuses before anything is done; no server is needed for that. */
import { expect, it } from "vitest";
import {
  InvalidPostgresOption,
  postgres,
  tableDefinition,
} from "../../../src/engine/postgres/index.ts";
import type { PostgresOptions } from "../../../src/engine/postgres/index.ts";

const url = "postgres://app:secret@localhost/app";

it.each<[option: string, given: object]>([
  ["url", { url: undefined }],
  ["url", { url: "mysql://localhost/app" }],
  ["url", { url: "postgres://app:secret@one,,two/app" }],
  ["url", { url: "postgres://localhost/app?target_session_attrs=standby" }],
  ["table", { table: "Kotoba; drop table users" }],
  ["table", { table: "a.b.c" }],
  ["connectionsMax", { connectionsMax: 0 }],
  ["acquireMillis", { acquireMillis: 0.5 }],
  ["connectMillis", { connectMillis: Infinity }],
  ["transactionMillis", { transactionMillis: -1 }],
  ["statementMillis", { statementMillis: "1000" }],
  ["changeLog", { changeLog: "yes" }],
  ["changeLog.bytesMax", { changeLog: { bytesMax: 1 } }],
  ["changeLog.millisMax", { changeLog: { millisMax: 0 } }],
  ["ssl", { url: `${url}?sslmode=disable`, ssl: true }],
])("%s is refused in %o, and no secret is told", (option, given) => {
  const options = { url, ...given } as PostgresOptions;

  const refused = expect.toSatisfy((error: unknown) => {
    if (!(error instanceof InvalidPostgresOption)) return false;
    return error.option === option && !String(error).includes("secret");
  });

  expect(() => postgres(options)).toThrow(refused as Error);
});

it("a file of the url that is not there is named, and is no server that is away", async () => {
  const engine = postgres({ url: `${url}?sslmode=verify-full&sslrootcert=/nowhere/ca.crt` });
  const view = await engine.begin({ readOnly: true });

  const reading = Promise.resolve(view.get(Uint8Array.of(1)));

  await expect(reading).rejects.toMatchObject({
    code: "NoPermission",
    retryable: false,
    details: { file: expect.stringContaining("/nowhere/ca.crt") as string },
  });
  view.abort();
  await engine.close();
});

it("the statements for a table by hand are refused a name that is no plain one", () => {
  expect(() => tableDefinition('a"b')).toThrow(InvalidPostgresOption);
});
