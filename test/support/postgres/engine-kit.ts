/** What tests of engines on the shared server have in common. What is opened is closed behind each test, the last first. */
import { afterEach } from "vitest";
import type { Bytes } from "../../../src/base/index.ts";
import type { StorageEngine, WriteOp } from "../../../src/engine/contract/index.ts";
import { postgres } from "../../../src/engine/postgres/index.ts";
import type { PostgresOptions } from "../../../src/engine/postgres/index.ts";
import { proxyTo } from "./proxy.ts";
import type { Proxy } from "./proxy.ts";
import { freshTable, sharedServer } from "./shared-server.ts";

export const closing: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) await one.close();
});

export function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}

export function put(key: string, value: string): WriteOp {
  return { op: "put", key: bytes(key), value: bytes(value) };
}

export function plan(...ops: readonly WriteOp[]) {
  return { ops, requires: [], readKeys: [], readRanges: [] };
}

/** Without other options: on a table of its own. */
export function engineAt(options: Partial<PostgresOptions> = {}): StorageEngine {
  const engine = postgres({ url: sharedServer().url, table: freshTable(), ...options });
  closing.push(engine);
  return engine;
}

export async function proxyToShared(): Promise<Proxy> {
  const proxy = await proxyTo(sharedServer().tcpUrl);
  closing.push(proxy);
  return proxy;
}

/** The error of the work. */
export async function failureOf(work: unknown): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
