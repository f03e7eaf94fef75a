/**
 * A process that is told on its standard input, line by line, what to do with one store, and answers each in one line:
 *
 *   open / read      opens it, to write or only to read: "opened", or the error's tag and who holds it
 *   close            "closed"
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { KotobaError, open } from "kotobadb";
import type { Db } from "kotobadb";

let db: Db | undefined;

async function answer(order: string): Promise<string> {
  if (order === "close") {
    await db?.close();
    db = undefined;
    return "closed";
  }
  try {
    db = await open(process.argv[2]!, { readOnly: order === "read" });
    return "opened";
  } catch (error) {
    if (!(error instanceof KotobaError)) return `wrong ${String((error as Error).stack)}`;
    return `${error._tag} ${String(error.details["holder"])}`;
  }
}

writeSync(1, "here\n");
for await (const order of createInterface(process.stdin)) writeSync(1, `${await answer(order)}\n`);
