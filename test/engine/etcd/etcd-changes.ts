/**
 * The commits of all programs in order, by a watch: etcd keeps them until it is compacted.
 *
 * A watch tells which rows went, not that a range was deleted. So a commit that deletes ranges names them in a row of its own,
 * which each such commit puts anew.
 *
 * Always true:
 * (1) A feed gives every commit behind its start once, whole, in order. Where the connection breaks, or the node has lost its
 *     leader, it goes on with the next node where it was.
 * (2) A commit that is asked for after changes() or onCommit() comes after their start: it waits until etcd has said what that is.
 * (3) A listener is told of commits of this engine when they are acknowledged, and of all as the watch has them.
 */
import { setTimeout } from "node:timers/promises";
import { Closed, copyBytes } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import {
  StorageError,
  changesTooOld,
  copyOfRange,
  rangeContains,
} from "../../../src/engine/contract/index.ts";
import type {
  ChangeSet,
  CommitListener,
  KeyRange,
  Version,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import type { Gateway, Operation, WatchEvent } from "./gateway.ts";
import { bytesOfText, textOfBytes } from "./keyspace.ts";
import type { Keyspace } from "./keyspace.ts";

const PAUSE_MILLIS = 50;

export class EtcdChanges {
  readonly #gateway: Gateway;
  readonly #keyspace: Keyspace;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<{ readonly wake: CommitListener }>();
  /** Feeds that begin now, and ask what that is. */
  readonly #beginning = new Set<Promise<unknown>>();

  constructor(gateway: Gateway, keyspace: Keyspace) {
    this.#gateway = gateway;
    this.#keyspace = keyspace;
  }

  /** For commits, before they are sent. */
  async begun(): Promise<void> {
    if (this.#beginning.size > 0) await Promise.allSettled(this.#beginning);
  }

  /** @throws StorageError 'TooOld' for what is no version. */
  read(
    after: Version | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<readonly ChangeSet[]> {
    if (after !== undefined && !/^\d+$/.test(after)) throw changesTooOld({ version: after });
    return this.#follow(after === undefined ? this.#now() : Promise.resolve(after), signal);
  }

  listen(wake: CommitListener): () => void {
    const listener = { wake };
    const stop = new AbortController();
    this.#listeners.add(listener);
    void this.#tellOthers(listener, stop.signal);
    return () => {
      this.#listeners.delete(listener);
      stop.abort();
    };
  }

  /** A commit of this engine is acknowledged. */
  committed(ops: readonly WriteOp[]): void {
    for (const listener of this.#listeners) this.#tell(listener, ops);
  }

  close(): void {
    this.#listeners.clear();
    this.#closing.abort();
  }

  #now(): Promise<string> {
    const asking = this.#gateway
      .read([{ key: this.#keyspace.rangesKey }])
      .then(({ header }) => header.revision);
    this.#beginning.add(asking);
    const begun = (): void => void this.#beginning.delete(asking);
    asking.then(begun, begun);
    return asking;
  }

  async *#follow(
    start: Promise<string>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly ChangeSet[]> {
    const stop =
      signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    for (let after = await start; ; await setTimeout(PAUSE_MILLIS)) {
      let isProven = false;
      try {
        for await (const answer of this.#gateway.watch(this.#keyspace.whole, after, stop)) {
          if (answer.compact_revision !== undefined) throw changesTooOld({ version: after });
          const sets = setsOf(this.#keyspace, answer.events ?? []);
          if (sets.length === 0) continue;
          if (!isProven) await this.#prove(after);
          isProven = true;
          after = sets.at(-1)!.version;
          yield sets;
        }
      } catch (error) {
        if (this.#closing.signal.aborted) throw new Closed("engine");
        signal?.throwIfAborted();
        if (error instanceof StorageError && error.code !== "Unavailable") throw error;
      }
    }
  }

  /**
   * That the state of a revision is still there, so what came after it is, too. etcd takes a watch that begins at the very
   * revision up to which it has compacted, and tells it nothing of what was deleted there.
   */
  async #prove(revision: string): Promise<void> {
    try {
      await this.#gateway.read([{ key: this.#keyspace.rangesKey, revision }]);
    } catch (error) {
      const isTooOld = error instanceof StorageError && error.code === "TooOld";
      throw isTooOld ? changesTooOld({ version: revision }) : error;
    }
  }

  async #tellOthers(listener: { readonly wake: CommitListener }, stop: AbortSignal): Promise<void> {
    while (!stop.aborted && !this.#closing.signal.aborted) {
      try {
        const start = this.#now();
        await start;
        // What came before the watch is not told by it.
        this.#tell(listener, undefined);
        for await (const sets of this.#follow(start, stop))
          this.#tell(
            listener,
            sets.flatMap(({ ops }) => ops),
          );
      } catch (error) {
        if (stop.aborted || this.#closing.signal.aborted) return;
        // Too old, or not to be reached now: then it begins anew.
        if (!(error instanceof StorageError)) throw error;
        await setTimeout(PAUSE_MILLIS);
      }
    }
  }

  /** In a microtask of its own: a listener that throws keeps nothing from the others. */
  #tell(listener: { readonly wake: CommitListener }, ops: readonly WriteOp[] | undefined): void {
    const keys = ops?.flatMap((op) => (op.op === "delRange" ? [] : [copyBytes(op.key)]));
    const ranges = ops?.flatMap((op) => (op.op === "delRange" ? [copyOfRange(op.range)] : []));
    queueMicrotask(() => {
      if (!this.#listeners.has(listener)) return;
      listener.wake(keys === undefined || ranges === undefined ? undefined : { keys, ranges });
    });
  }
}

/** What a commit that deletes these ranges puts beside its rows. */
export function rangesNote(keyspace: Keyspace, ranges: readonly KeyRange[]): Operation {
  const told = ranges.map(({ end, start }) => [textOfBytes(start), end && textOfBytes(end)]);
  const value = textOfBytes(Buffer.from(JSON.stringify(told)));
  return { request_put: { key: keyspace.rangesKey, value } };
}

function rangesOf(note: Bytes): KeyRange[] {
  const told = JSON.parse(Buffer.from(note).toString()) as (readonly [string, string | null])[];
  return told.map(([start, end]) => ({
    start: bytesOfText(start),
    end: end === null ? undefined : bytesOfText(end),
  }));
}

/** The events of one revision are those of one commit, and come together. */
function setsOf(keyspace: Keyspace, events: readonly WatchEvent[]): ChangeSet[] {
  const commits = new Map<string, WatchEvent[]>();
  for (const event of events) {
    const revision = event.kv.mod_revision;
    const own = commits.get(revision);
    if (own === undefined) commits.set(revision, [event]);
    else own.push(event);
  }
  return [...commits].map(([revision, own]) => {
    const note = own.find(({ kv }) => kv.key === keyspace.rangesKey);
    const ranges = note === undefined ? [] : rangesOf(bytesOfText(note.kv.value));
    const ops: WriteOp[] = ranges.map((range) => ({ op: "delRange", range }));
    for (const { kv, type } of own) {
      if (kv.key === keyspace.rangesKey) continue;
      const key = keyspace.keyOf(kv.key);
      if (type !== "DELETE") ops.push({ op: "put", key, value: bytesOfText(kv.value) });
      else if (!ranges.some((range) => rangeContains(range, key))) ops.push({ op: "del", key });
    }
    return { version: revision as Version, ops };
  });
}
