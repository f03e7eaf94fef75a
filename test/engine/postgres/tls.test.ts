/** TLS to the server: who is asked for a certificate shows one that is trusted and is its own, or nothing is said to it. */
import { readFileSync } from "node:fs";
import { collection, open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import type { PostgresOptions } from "../../../src/engine/postgres/index.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";
import { startServer } from "../../support/postgres/start-server.ts";
import type { TestServer } from "../../support/postgres/start-server.ts";

const FIXTURES = "test/support/postgres/tls";
const authority = `${FIXTURES}/authority.crt`;
const otherAuthority = `${FIXTURES}/other-authority.crt`;
const ca = readFileSync(authority, "utf8");

const collections = { notes: collection("notes", z.object({ text: z.string() })) };

/** One address, one server that wants TLS and passwords, one role. */
let server: TestServer;
const PASSWORD = "correct horse";

function urlOf(host: string, more: Readonly<Record<string, string>> = {}): string {
  const url = new URL(server.tcpUrl!);
  url.hostname = host;
  [url.username, url.password] = ["app", PASSWORD];
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value);
  return url.href;
}

/** What is read of a fresh table, or the error. */
async function readBy(options: Partial<PostgresOptions> & { url: string }): Promise<unknown> {
  const engine: StorageEngine = postgres({ table: freshTable(), ...options });
  try {
    const view = await engine.begin({ readOnly: true });
    return await view.get(Uint8Array.of(1));
  } catch (error) {
    return error;
  } finally {
    await engine.close();
  }
}

const refused = (details: object): object => ({
  _tag: "StorageError",
  code: "NoPermission",
  retryable: false,
  committed: "no",
  details: expect.objectContaining(details) as object,
});

describe.skipIf(skipReason !== undefined)("PostgreSQL over TLS", () => {
  let admin: pg.Client;
  beforeAll(async () => {
    const tls = { certificate: `${FIXTURES}/server.crt`, key: `${FIXTURES}/server.key` };
    server = await startServer({ tcp: true, passwords: true, tls });
    admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`create role app login password '${PASSWORD}'`);
    await admin.query(`grant create on schema public to app`);
  });
  afterAll(async () => {
    await admin.end();
    await server.stop();
  });

  it.each<[string, () => Partial<PostgresOptions> & { url: string }]>([
    ["the option ssl", () => ({ url: urlOf("localhost"), ssl: { ca } })],
    [
      "the url",
      () => ({ url: urlOf("localhost", { sslmode: "verify-full", sslrootcert: authority }) }),
    ],
  ])("serves who names its authority in %s, and nothing is said in plain", async (_, options) => {
    const applicationName = freshTable();
    const engine = postgres({ ...options(), table: freshTable(), applicationName });
    await using db = await open({ engine }, { collections });

    const note = await db.notes.insert({ text: "not to be overheard" });

    expect(await db.notes.get(note.id)).toEqual(note);
    const { rows } = await admin.query(
      "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = $1",
      [applicationName],
    );
    expect(rows).toEqual([{ ssl: true }]);
  });

  it.each<[string, string, () => Partial<PostgresOptions> & { url: string }]>([
    [
      "of an authority that is not the one named",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      () => ({ url: urlOf("localhost"), ssl: { ca: readFileSync(otherAuthority, "utf8") } }),
    ],
    [
      "of an authority that is not the one of the url",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      () => ({ url: urlOf("localhost", { sslmode: "verify-full", sslrootcert: otherAuthority }) }),
    ],
    [
      "of an authority that nobody knows",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      () => ({ url: urlOf("localhost", { sslmode: "verify-full" }) }),
    ],
    [
      "of another host",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      () => ({ url: urlOf("127.0.0.1"), ssl: { ca } }),
    ],
  ])("refuses a certificate %s, and says what to do", async (_, tls, options) => {
    const error = await readBy(options());

    expect(error).toMatchObject(refused({ tls }));
    expect(String(error)).toMatch(/ssl: \{ ca \}.*sslrootcert.*by the name/);
  });

  it("is refused in words when a database is opened, too", async () => {
    const engine = postgres({ url: urlOf("127.0.0.1"), ssl: { ca }, table: freshTable() });

    await expect(open({ engine }, { collections })).rejects.toMatchObject(
      refused({ tls: "ERR_TLS_CERT_ALTNAME_INVALID" }),
    );
    await engine.close();
  });

  it("lets nobody in without TLS, nor with a wrong password", async () => {
    const plain = await readBy({ url: urlOf("localhost") });
    const wrong = await readBy({ url: urlOf("localhost"), ssl: { ca }, password: "wrong" });

    expect(plain).toMatchObject(refused({ sqlState: "28000" }));
    expect(String(plain)).toContain("sslmode=verify-full");
    expect(wrong).toMatchObject(refused({ sqlState: "28P01" }));
  });

  it("a server without TLS is not spoken to where TLS is asked for", async () => {
    const error = await readBy({ url: sharedServer().tcpUrl, ssl: true });

    expect(error).toMatchObject(refused({ server: "The server does not support SSL connections" }));
    expect(String(error)).toContain("ssl = on");
  });
});
