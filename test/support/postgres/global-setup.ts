/**
 * One PostgreSQL server for all test files of a run, started by the first that asks for it. It is held by the process
 * that runs the files, for theirs end with them: they ask over a socket, and are answered with the server's address.
 */
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findBinaries } from "./find-binaries.ts";
import { NO_BINARIES, startServer } from "./start-server.ts";
import type { TestServer } from "./start-server.ts";

/** What the asking file is told. */
export type Answer =
  | { readonly url: string; readonly tcpUrl: string; readonly how: string }
  | { readonly missing: string }
  | { readonly failed: string };

declare module "vitest" {
  interface ProvidedContext {
    /** Where the server of the run is asked for. */
    readonly postgresDoor: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<TestServer> | undefined;
  const answer = async (): Promise<Answer> => {
    if (findBinaries() === undefined) return { missing: NO_BINARIES };
    try {
      const { how, tcpUrl, url } = await (server ??= startServer({ tcp: true }));
      return { url, tcpUrl: tcpUrl!, how };
    } catch (error) {
      return { failed: (error as Error).message };
    }
  };
  const folder = mkdtempSync(join(tmpdir(), "kotoba-door-"));
  const door =
    process.platform === "win32" ? `\\\\.\\pipe\\kotoba-${process.pid}` : join(folder, "door");
  const listener = createServer((socket: Socket) => {
    socket.on("error", () => {});
    void answer().then((told) => socket.end(JSON.stringify(told)));
  });
  await new Promise<void>((resolve) => {
    listener.listen(door, resolve);
  });
  listener.unref();
  project.provide("postgresDoor", door);
  return async () => {
    listener.close();
    await server?.then(
      (started) => started.stop(),
      () => {},
    );
    rmSync(folder, { recursive: true, force: true });
  };
}
