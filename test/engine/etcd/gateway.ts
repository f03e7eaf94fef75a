/**
 * etcd's own HTTP gateway, as far as the engine needs it: one transaction for each request, in JSON; bytes as base64, 64-bit
 * numbers as text, and nothing where there is a zero.
 *
 * Always true:
 * (1) A commit goes to a second node only if the first one has refused the connection: so nothing of it was sent.
 * (2) After any other failure of a commit it is not known what became of it, unless etcd itself says that it was refused.
 * (3) Reads go from node to node until one answers.
 */
import { StorageError } from "../../../src/engine/contract/index.ts";

/** One key, or [key, range_end). */
export interface RangeRequest {
  readonly key: string;
  readonly range_end?: string;
  readonly revision?: string;
  readonly limit?: number;
  readonly keys_only?: boolean;
  readonly sort_order?: "DESCEND";
  readonly sort_target?: "KEY";
}
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}
export interface RangeAnswer {
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
}

/** Holds for a key, or for each row of [key, range_end); of an absent key the revisions are "0". */
export interface Compare {
  readonly key: string;
  readonly range_end?: string;
  readonly target: "CREATE" | "MOD" | "VALUE";
  readonly result: "EQUAL" | "LESS";
  readonly create_revision?: string;
  readonly mod_revision?: string;
  readonly value?: string;
}
export type Operation =
  | { readonly request_range: RangeRequest }
  | { readonly request_put: { readonly key: string; readonly value: string } }
  | { readonly request_delete_range: { readonly key: string; readonly range_end?: string } }
  | { readonly request_txn: Txn };
export interface Txn {
  readonly compare?: readonly Compare[];
  readonly success?: readonly Operation[];
  readonly failure?: readonly Operation[];
}
interface Branch {
  readonly succeeded?: boolean;
  readonly responses?: readonly {
    readonly response_range?: RangeAnswer;
    readonly response_txn?: Branch;
  }[];
}
export interface TxnAnswer extends Branch {
  readonly header: { readonly revision: string };
}

export interface WatchEvent {
  /** Absent: it was put. */
  readonly type?: "DELETE";
  readonly kv: KeyValue;
}
export interface WatchAnswer {
  readonly events?: readonly WatchEvent[];
  /** What was asked for is forgotten up to here. */
  readonly compact_revision?: string;
}

/** etcd has answered, and the answer is no. */
class Refusal extends Error {
  readonly code: number | undefined;
  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

const INVALID_ARGUMENT = 3;

export class Gateway {
  readonly #urls: readonly string[];
  readonly #answerMillisMax: number;
  /** Whom to ask. Written by #turnFrom. */
  #node = 0;

  constructor(urls: readonly string[], answerMillisMax: number) {
    this.#urls = urls;
    this.#answerMillisMax = answerMillisMax;
  }

  /** What the ranges hold, all in one state. */
  async read(ranges: readonly RangeRequest[]): Promise<TxnAnswer> {
    const txn = { success: ranges.map((range) => ({ request_range: range })) };
    for (let asked = 1; ; asked++) {
      const node = this.#node;
      try {
        return await this.#send(node, txn);
      } catch (error) {
        const failure = readFailure(error);
        if (failure.code !== "Unavailable" || asked >= this.#urls.length) throw failure;
        this.#turnFrom(node);
      }
    }
  }

  async commit(txn: Txn): Promise<TxnAnswer> {
    for (let asked = 1; ; asked++) {
      const node = this.#node;
      try {
        return await this.#send(node, txn);
      } catch (error) {
        const failure = commitFailure(error);
        if (failure.code !== "TransactionTooLarge") this.#turnFrom(node);
        if (!wasNeverSent(error) || asked >= this.#urls.length) throw failure;
      }
    }
  }

  /** What happens in the range after a revision; ends or fails where the node, or its leader, is lost. */
  async *watch(
    range: Pick<RangeRequest, "key" | "range_end">,
    after: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchAnswer> {
    const node = this.#node;
    try {
      const request = { ...range, start_revision: String(BigInt(after) + 1n) };
      const response = await fetch(`${this.#urls[node]}/v3/watch`, {
        ...posted({ create_request: request }),
        signal,
      });
      if (!response.ok) throw new Error(`The watch is refused: ${await response.text()}`);
      let rest = "";
      const decoder = new TextDecoder();
      for await (const part of response.body as AsyncIterable<Uint8Array>) {
        const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) {
          const { result } = JSON.parse(line) as { readonly result?: WatchAnswer };
          if (result === undefined) throw new Error(`The watch has failed: ${line}`);
          yield result;
        }
      }
    } catch (error) {
      this.#turnFrom(node);
      throw readFailure(error);
    }
  }

  async #send(node: number, txn: Txn): Promise<TxnAnswer> {
    const response = await fetch(`${this.#urls[node]}/v3/kv/txn`, {
      ...posted(txn),
      signal: AbortSignal.timeout(this.#answerMillisMax),
    });
    const answer = (await response.json()) as TxnAnswer & {
      readonly error?: string;
      readonly code?: number;
    };
    if (response.ok) return answer;
    throw new Refusal(answer.error ?? `status ${response.status}`, answer.code);
  }

  /** To the next node, unless others have done so meanwhile. */
  #turnFrom(node: number): void {
    if (this.#node === node) this.#node = (node + 1) % this.#urls.length;
  }
}

/** A node that knows of no leader says so at once. */
function posted(body: object): { method: string; headers: Record<string, string>; body: string } {
  const headers = { "Grpc-Metadata-hasleader": "true" };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

function wasNeverSent(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : error;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";
}

function readFailure(error: unknown): StorageError {
  const message = messageOf(error);
  if (/compacted/.test(message)) return new StorageError("TooOld", { message }, { cause: error });
  return refusedPlan(error) ?? new StorageError("Unavailable", { message }, { cause: error });
}

function commitFailure(error: unknown): StorageError {
  const message = messageOf(error);
  const isKnown =
    wasNeverSent(error) ||
    (error instanceof Refusal && /no leader|too many requests/.test(message));
  const code = isKnown ? "Unavailable" : "CommitUnknown";
  return refusedPlan(error) ?? new StorageError(code, { message }, { cause: error });
}

/** etcd looks at a request before it does anything of it. */
function refusedPlan(error: unknown): StorageError | undefined {
  if (!(error instanceof Refusal)) return undefined;
  const { code, message } = error;
  if (/too many operations|too large|larger than max/.test(message))
    return new StorageError("TransactionTooLarge", { message }, { cause: error });
  // A mistake of ours.
  if (code === INVALID_ARGUMENT) throw error;
  return undefined;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
