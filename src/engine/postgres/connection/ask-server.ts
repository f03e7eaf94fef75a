/** A connection for SQL by hand, with nothing prepared on it: for who makes tables. */
import { lastRows } from "./connection.ts";
import { loadDriver } from "./driver.ts";
import type { ClientOptions, QueryResult } from "./driver.ts";
import { connectFailure } from "./failure.ts";

/** Lets `work` ask, and ends the connection: what was begun and not committed is rolled back by the server. */
export async function askServer<T>(
  options: ClientOptions,
  work: (ask: (text: string) => Promise<QueryResult["rows"]>) => Promise<T>,
): Promise<T> {
  const { Client } = await loadDriver();
  const client = new Client(options);
  // What ends the connection is told to the question that waits, and to the next one.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(async (text) => lastRows(await client.query(text)));
  } catch (error) {
    throw connectFailure(error) as Error;
  } finally {
    client.end().catch(() => {});
  }
}
