/**
 * The PostgreSQL server of this run of the tests. Where there is none to be had, tests that need it are skipped with a
 * word; but never where CI is set, for there it would not be seen.
 */
import { connect } from "node:net";
import { inject } from "vitest";
import type { Answer } from "./global-setup.ts";

export interface SharedServer {
  readonly url: string;
  readonly tcpUrl: string;
}

const answer = await ask(inject("postgresDoor"));
if ("failed" in answer) throw new Error(answer.failed);
if ("missing" in answer && process.env["CI"] !== undefined) throw new Error(answer.missing);

/** Why tests on PostgreSQL are skipped; undefined where they are not. */
export const skipReason: string | undefined = "missing" in answer ? answer.missing : undefined;
if (skipReason !== undefined) console.warn(`Tests on PostgreSQL are skipped: ${skipReason}`);

export function sharedServer(): SharedServer {
  if ("url" in answer) return answer;
  throw new Error("Tests without a server are skipped.");
}

let tables = 0;

/** A table of its own for a test: of this process and of no other. */
export function freshTable(): string {
  return `t_${process.pid}_${Date.now().toString(36)}_${++tables}`;
}

function ask(door: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(door);
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      text += part;
    });
    socket.on("error", reject);
    socket.on("end", () => {
      resolve(JSON.parse(text) as Answer);
    });
  });
}
