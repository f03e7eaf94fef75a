/**
 * What a case of the contract suite is, and the few words the cases are written in.
 *
 * Rules for cases: none may differ by engine (capabilities may only skip optional methods); none may demand that blind
 * writes conflict, nor that there is no conflict where an engine could be careful, except where a law says so.
 */
import type { Awaitable, Bytes } from "../../base/index.ts";
import { hex, isPromise } from "../../base/index.ts";
import { CONFLICT, prefixRange } from "../../engine/contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  CommitPlan,
  CommitResult,
  KeyRange,
  ReadView,
  ScanOptions,
  StorageEngine,
  WriteOp,
} from "../../engine/contract/index.ts";
import { TrackedTransaction, allEntries } from "../kit/index.ts";

export interface ContractCase {
  /** A sentence about behaviour. */
  readonly name: string;
  /** Which laws of the engine contract it holds the engine to. */
  readonly laws: readonly number[];
  /** The case closes the engine; it needs one of its own. */
  readonly closesEngine: boolean;
  /** Why this engine does not have what the case is about; undefined if it does. */
  skipReason(engine: StorageEngine): Promise<string | undefined>;
  /** Works on keys that begin with `namespace` only. Throws ContractBroken when the engine breaks a law. */
  run(engine: StorageEngine, namespace: string): Promise<void>;
}

/** The engine did what the contract forbids. */
export class ContractBroken extends Error {
  override readonly name = "ContractBroken";
}

export interface CaseOptions {
  readonly closesEngine?: boolean;
  readonly skipReason?: (engine: StorageEngine) => Awaitable<string | undefined>;
}

export function contractCase(
  name: string,
  laws: readonly number[],
  body: (place: Place) => Promise<void>,
  options: CaseOptions = {},
): ContractCase {
  return {
    name,
    laws,
    closesEngine: options.closesEngine ?? false,
    skipReason: async (engine) => options.skipReason?.(engine),
    run: (engine, namespace) => body(new Place(engine, namespace)),
  };
}

/** Why an engine whose views lack the method is left out. */
export function absentMethod(
  method: "scanMany" | "scanRefs" | "presume",
): (engine: StorageEngine) => Promise<string | undefined> {
  return async (engine) => {
    const transaction = await engine.begin({ readOnly: true });
    const has = transaction[method] !== undefined;
    transaction.abort();
    return has ? undefined : `has no ${method}`;
  };
}

/** An engine and the part of its keyspace that a case may use. Keys and values are written as text. */
export class Place {
  readonly engine: StorageEngine;
  readonly namespace: string;

  constructor(engine: StorageEngine, namespace: string) {
    this.engine = engine;
    this.namespace = namespace;
  }

  key(name = ""): Bytes {
    return bytesOf(this.namespace + name);
  }

  keys(...names: readonly string[]): Bytes[] {
    return names.map((name) => this.key(name));
  }

  /** All keys whose name begins with `prefix`; with none, all of this place. */
  range(prefix = ""): KeyRange {
    return prefixRange(this.key(prefix));
  }

  between(start: string, end: string): KeyRange {
    return { start: this.key(start), end: this.key(end) };
  }

  put(name: string, value: string): WriteOp {
    return { op: "put", key: this.key(name), value: bytesOf(value) };
  }

  del(name: string): WriteOp {
    return { op: "del", key: this.key(name) };
  }

  puts(entries: Readonly<Record<string, string>>): WriteOp[] {
    return Object.entries(entries).map(([name, value]) => this.put(name, value));
  }

  write(ops: readonly WriteOp[], more: Partial<BlindPlan> = {}): Awaitable<CommitResult> {
    return this.engine.write({ requires: [], ...more, ops });
  }

  /** Writes entries that the case starts from. */
  async seed(entries: Readonly<Record<string, string>>): Promise<void> {
    await this.write(this.puts(entries));
  }

  begin(options: BeginOptions = {}): Promise<TrackedTransaction> {
    return TrackedTransaction.begin(this.engine, options);
  }

  /** The text under a name, as a new transaction sees it. */
  async value(name: string): Promise<string | undefined> {
    const transaction = await this.begin({ readOnly: true });
    try {
      return textOf(await transaction.get(this.key(name)));
    } finally {
      transaction.abort();
    }
  }

  /** All entries of this place as "name=value", as a new transaction sees them. */
  async entries(prefix = ""): Promise<string[]> {
    const transaction = await this.begin({ readOnly: true });
    try {
      return await this.entriesOf(transaction.inner, this.range(prefix));
    } finally {
      transaction.abort();
    }
  }

  /** The rows of a range as "name=value"; "name" alone with keysOnly. */
  async entriesOf(
    view: Pick<ReadView, "scan">,
    range: KeyRange,
    options: ScanOptions = {},
  ): Promise<string[]> {
    const entries = await allEntries(view, range, options);
    return entries.map(({ key, value }) => {
      const name = textOf(key).slice(this.namespace.length);
      return options.keysOnly === true ? name : `${name}=${textOf(value)}`;
    });
  }
}

/** Nothing read, written or required; fill in what a case needs. */
export function planOf(parts: Partial<CommitPlan>): CommitPlan {
  return { readKeys: [], readRanges: [], ops: [], requires: [], ...parts };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(text: string): Bytes {
  return encoder.encode(text);
}

export function textOf(bytes: Bytes): string;
export function textOf(bytes: Bytes | undefined): string | undefined;
export function textOf(bytes: Bytes | undefined): string | undefined {
  return bytes === undefined ? undefined : decoder.decode(bytes);
}

export function expectTrue(condition: boolean, law: string): void {
  if (!condition) throw new ContractBroken(law);
}

/** Compares as JSON with bytes in hexadecimal and undefined spelled out. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [comparable(actual), comparable(expected)];
  if (found === wanted) return;
  throw new ContractBroken(`${what}: got ${cut(found)}, want ${cut(wanted)}`);
}

function comparable(value: unknown): string {
  if (value === undefined) return "(undefined)";
  return JSON.stringify(value, (_, part: unknown) => {
    if (part === undefined) return "(undefined)";
    return part instanceof Uint8Array ? hex(part, Infinity) : part;
  });
}

function cut(text: string): string {
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text;
}

/** "ok", or the error's tag, for StorageError its code. Errors that are not of KotobaDB go on. */
export async function outcomeOf(work: () => unknown): Promise<string> {
  try {
    const result: unknown = work();
    if (isPromise(result)) await result;
    return "ok";
  } catch (error) {
    if (!(error instanceof Error) || !("_tag" in error)) throw error;
    return "code" in error ? String(error.code) : String(error._tag);
  }
}

/** At most one of two commits that contradict each other may stand, and the other must say Conflict. */
export function expectNotBoth(outcomes: readonly string[], what: string): void {
  const stand = outcomes.filter((outcome) => outcome === "ok").length;
  expectTrue(stand <= 1, `${what}: ${stand} commits stand that contradict each other`);
  expectTrue(
    outcomes.every((outcome) => outcome === "ok" || outcome === CONFLICT._tag),
    `${what}: a commit failed with ${outcomes.join(", ")} and not with Conflict`,
  );
}
