/** One connection: what goes together, what a failure takes with it, and every byte as it was. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { nodeTimers } from "../../../src/engine/lsm/host/index.ts";
import {
  Connection,
  connectFailure,
  engineFailure,
  loadDriver,
} from "../../../src/engine/postgres/connection/index.ts";
import type { Call, Statement } from "../../../src/engine/postgres/connection/index.ts";
import {
  bytesList,
  bytesOfText,
  tableStatements,
} from "../../../src/engine/postgres/table/index.ts";
import { sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const opened: Connection[] = [];
afterEach(() => {
  for (const connection of opened.splice(0)) connection.destroy();
});

const statements = {
  echo: "select $1::bytea",
  list: "select e from unnest($1::bytea[]) with ordinality l(e, i) order by i",
  half: "select 1 / $1::int8",
  begin: "begin",
  rollback: "rollback",
  forget: "deallocate all",
  assertIsolation: tableStatements("t", "s", "serializable").assertIsolation.text,
};
type Name = keyof typeof statements;

function call(name: Name, ...values: Call["values"]): Call {
  return { statement: statementOf(name), values };
}

function statementOf(name: Name): Statement {
  return { name, text: statements[name] };
}

type Ask = (text: string) => Promise<unknown>;

async function connect(
  before: (ask: Ask) => Promise<unknown> = async () => {},
): Promise<Connection> {
  const connection = await Connection.open(
    await loadDriver(),
    {
      connectionString: sharedServer().url,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: "test",
    },
    {
      before: async (ask) => {
        await before(ask);
      },
      statements: (Object.keys(statements) as Name[]).map(statementOf),
      first: [],
      accept: () => {},
    },
    { silenceMillis: 30_000, timers: nodeTimers },
  );
  opened.push(connection);
  return connection;
}

describe.skipIf(skipReason !== undefined)("a connection to PostgreSQL", () => {
  it("brings back every byte as it was sent, alone and in lists", async () => {
    const connection = await connect();
    const every = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
    const property = fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 })), async (list) => {
      const all = [every, new Uint8Array(), ...list];
      const [echo, listed] = await connection.run([
        call("echo", all[all.length - 1]!),
        call("list", bytesList(all)),
      ]);

      expect(bytesOfText(echo!.rows[0]![0]!)).toEqual(all[all.length - 1]);
      expect(listed!.rows.map(([e]) => bytesOfText(e!))).toEqual(all);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it("packs a list as its format says", () => {
    const packed = bytesList([Uint8Array.of(0x61), new Uint8Array()]);

    expect(Buffer.from(packed).toString("hex")).toBe(
      "000000010000000000000011000000020000000100000001" + "61" + "00000000",
    );
  });

  it("sends what is asked for in one turn together, and what comes meanwhile in the next", async () => {
    const connection = await connect();
    const before = connection.roundTrips;

    const first = [1, 2, 3].map((n) => connection.run([call("half", String(n))]));
    await Promise.resolve();
    const later = [4, 5, 6].map((n) => connection.run([call("half", String(n))]));
    const answers = await Promise.all([...first, ...later]);

    expect(answers.map(([answer]) => answer!.rows[0]![0])).toEqual(["1", "0", "0", "0", "0", "0"]);
    expect(connection.roundTrips - before).toBe(2);
  });

  it("keeps what must stand alone out of the groups of others, so that no failure leaves it out", async () => {
    const connection = await connect();
    await connection.run([call("begin")]);

    const failing = connection.run([call("half", "0")]);
    const rolledBack = connection.run([call("rollback")], { alone: true });

    await expect(failing).rejects.toMatchObject({ code: "22012" });
    await rolledBack;
    expect(connection.status).toBe("I");
  });

  it("is given up when the server has forgotten its statements", async () => {
    const connection = await connect();
    await connection.run([call("forget")]);

    const error = await connection.run([call("half", "1")]).catch((cause: unknown) => cause);

    expect(error).toMatchObject({ code: "26000" });
    expect(connection.isLost).toBe(true);
  });

  it("behind which another client was before, as behind a pooler of transactions, is refused", async () => {
    const error = await connect((ask) => ask("prepare echo as select 1")).catch(connectFailure);

    expect(error).toMatchObject({ code: "NotSupported", details: { sqlState: "42P05" } });
  });

  it.each(["serializable", "repeatable read", "read committed"])(
    "whose settings say %s is asked whether it is serializable before a batch",
    async (level) => {
      const connection = await connect((ask) =>
        ask(`set default_transaction_isolation = '${level}'`),
      );

      const outcome = await connection
        .run([call("assertIsolation"), call("half", "2")])
        .catch((cause: unknown) => engineFailure(cause, "committing"));

      if (level === "serializable") expect(outcome).toMatchObject([{ rows: [["0"]] }, {}]);
      else expect(outcome).toMatchObject({ code: "IsolationTooWeak", committed: "no" });
    },
  );
});
