/** Engines with a change log on one table, as several programs have them, and what tests read from it. */
import { hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { prefixRange, rangeContains } from "../../../../src/engine/contract/index.ts";
import type {
  ChangeSet,
  ReadView,
  StorageEngine,
  Version,
  WriteOp,
} from "../../../../src/engine/contract/index.ts";
import { postgres } from "../../../../src/engine/postgres/index.ts";
import type { PostgresOptions } from "../../../../src/engine/postgres/index.ts";
import { sharedServer } from "../../../support/postgres/shared-server.ts";

const closing: { close(): Promise<unknown> }[] = [];

export function closedAfterTest<T extends { close(): Promise<unknown> }>(one: T): T {
  closing.push(one);
  return one;
}
export async function closeAll(): Promise<void> {
  for (const one of closing.splice(0).toReversed()) await one.close();
}

export function engineOn(table: string, options: Partial<PostgresOptions> = {}): Feeding {
  const engine = postgres({ url: sharedServer().url, table, changeLog: true, ...options });
  return closedAfterTest(engine) as Feeding;
}
/** A program that was opened without the option. */
export function plainEngineOn(table: string): StorageEngine {
  return closedAfterTest(postgres({ url: sharedServer().url, table }));
}

/** An engine that keeps a log. */
export type Feeding = StorageEngine & Required<Pick<StorageEngine, "changes" | "onCommit">>;

export const bytes = (text: string): Bytes => new TextEncoder().encode(text);
export const put = (key: string, value: string): WriteOp => ({
  op: "put",
  key: bytes(key),
  value: bytes(value),
});
export const plan = (...ops: readonly WriteOp[]) => ({
  ops,
  requires: [],
  readKeys: [],
  readRanges: [],
});

/** Hexadecimal key and value. */
export type Rows = Map<string, string>;

export function apply(rows: Rows, { ops }: Pick<ChangeSet, "ops">): void {
  for (const op of ops)
    if (op.op === "delRange")
      for (const key of rows.keys())
        if (rangeContains(op.range, Buffer.from(key, "hex"))) rows.delete(key);
  for (const op of ops) {
    if (op.op === "put") rows.set(hex(op.key, Infinity), hex(op.value, Infinity));
    if (op.op === "del") rows.delete(hex(op.key, Infinity));
  }
}

/** All rows whose key begins so. */
export async function rowsOf(view: ReadView, prefix: string): Promise<Rows> {
  const rows: Rows = new Map();
  const scan = view.scan(prefixRange(bytes(prefix)), { expect: "all" });
  for (;;) {
    const page = await scan.next();
    for (let i = 0; i < page.rows; i++) {
      const key = page.buffer.slice(page.keyStart[i], page.keyEnd[i]);
      const value = page.buffer.slice(page.valueStart[i], page.valueEnd[i]);
      rows.set(hex(key, Infinity), hex(value, Infinity));
    }
    if (page.done) return rows;
  }
}

/** Follows an engine's log until it is told to stop at a commit that writes this key. */
export async function followUntil(
  engine: Feeding,
  after: Version | undefined,
  lastKey: string,
): Promise<ChangeSet[]> {
  const found: ChangeSet[] = [];
  const last = hex(bytes(lastKey), Infinity);
  for await (const sets of engine.changes(after)) {
    found.push(...sets);
    const keys = sets.flatMap(({ ops }) =>
      ops.flatMap((op) => (op.op === "put" ? [hex(op.key, Infinity)] : [])),
    );
    if (keys.includes(last)) break;
  }
  return found;
}
