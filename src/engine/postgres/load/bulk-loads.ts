/**
 * The bulk loads that are under way: rows are gathered into pieces, and each piece is one commit, by COPY.
 *
 * COPY inserts, and does nothing at all where one of the keys is there. Then, and where it is not known what became of it,
 * the piece goes by a batch that puts the same rows: this one replaces, and may be sent until it is known to be there.
 *
 * To put the same rows twice would harm nobody; that the first time comes late would, behind a later piece with the same
 * key or behind the end of the load. So each piece carries a token as commits do (src/transaction/once/commit-token.ts),
 * the same one each time it is sent: whichever sending is first is the only one.
 *
 * Always true:
 * (1) A piece is sent when the one before is there. One is on its way at most, and one is being gathered.
 * (2) A piece takes effect once. When load() has ended nothing of it can take effect any more, unless CommitUnknown was said.
 * (3) The token of a piece of which every sending was answered is deleted, with others. The rest stay for whoever deletes
 *     old tokens, since what they stopped may still arrive.
 * (4) While it waits for rows a load holds no connection, and stop() ends it.
 */
import { Closed, KotobaError, concatBytes, equalBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import {
  COMMIT_TOKENS,
  Conflict,
  RequirementFailed,
  StorageError,
  checkRowLimits,
} from "../../contract/index.ts";
import type {
  BlindPlan,
  BulkLoadOptions,
  Limits,
  Requirement,
  WriteOp,
} from "../../contract/index.ts";
import type { Random, Timers } from "../../lsm/host/index.ts";
import { LoadPiece } from "./load-piece.ts";

type LoadRows = AsyncIterable<readonly (readonly [key: Bytes, value: Bytes])[]>;

/** What goes in one commit. */
export interface CopiedPiece {
  /** The rows, for COPY. */
  readonly copied: readonly Bytes[];
  /** The same as ops, where somebody is told of them. */
  readonly told: readonly WriteOp[];
  readonly requires: readonly Requirement[];
}

export interface LoadParts {
  readonly limits: Limits;
  readonly timers: Pick<Timers, "sleep">;
  readonly random: Random;
  /** Somebody is told of what is loaded. */
  readonly isLogged: boolean;
  /** Of a piece; default: what is quick. */
  readonly pieceBytes?: number;
  /** @throws Conflict also where one of the keys is there. */
  copy(piece: CopiedPiece): Promise<void>;
  write(plan: BlindPlan): Promise<unknown>;
}

/** With the pauses between them about half a minute, where each fails at once: a server comes up again in that time. */
const ATTEMPTS_MAX = 35;
const PAUSE_MILLIS_MAX = 1_000;
const TOKEN_BYTES = 16;
/** Deleted together: a write of some kilobytes for a gigabyte of rows. */
const TOKENS_MAX = 256;
/** The commit has taken effect. */
const TOKEN_VALUE: Bytes = Uint8Array.of(0x01);

export class BulkLoads {
  readonly #parts: LoadParts;
  /** One for each load that waits for rows. */
  readonly #waiting = new Set<(reason: unknown) => void>();

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  async load(rows: LoadRows, { requires = [] }: BulkLoadOptions = {}): Promise<void> {
    const load = new Load(this.#parts, requires);
    const iterator = rows[Symbol.asyncIterator]();
    try {
      for (;;) {
        const step = await this.#next(iterator);
        if (step.done === true) break;
        for (const [key, value] of step.value) {
          const room = load.take(key, value);
          if (room !== undefined) await room;
        }
      }
      await load.finish();
    } catch (error) {
      void endQuietly(iterator);
      await load.abandon();
      throw error;
    }
  }

  /** The engine is closed: who waits for rows hears of it at once, the others when they send. */
  stop(): void {
    for (const reject of this.#waiting) reject(new Closed("engine"));
  }

  #next<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
    const next = iterator.next();
    return new Promise((resolve, reject) => {
      const end = (reason: unknown): void => {
        this.#waiting.delete(end);
        reject(reason as Error);
      };
      this.#waiting.add(end);
      next.then((step) => {
        this.#waiting.delete(end);
        resolve(step);
      }, end);
    });
  }
}

class Load {
  readonly #parts: LoadParts;
  readonly #requires: readonly Requirement[];
  #piece: LoadPiece;
  #sending: Promise<void> | undefined;
  /** Until a key was found to be there: then others will be. */
  #copies = true;
  /** Tokens that nobody will ask for. */
  readonly #done: Bytes[] = [];

  constructor(parts: LoadParts, requires: readonly Requirement[]) {
    this.#parts = parts;
    this.#requires = requires;
    this.#piece = new LoadPiece(parts.pieceBytes);
  }

  /** Undefined where there is room at once. */
  take(key: Bytes, value: Bytes): Promise<void> | undefined {
    checkRowLimits(key, value, this.#parts.limits);
    if (this.#piece.hasRoomFor(key, value)) {
      this.#piece.add(key, value);
      return undefined;
    }
    return this.#exchange().then(() => this.#piece.add(key, value));
  }

  /** Settles when all rows are there. */
  async finish(): Promise<void> {
    if (!this.#piece.isEmpty) await this.#exchange();
    await this.#sending;
    await this.#removeTokens();
  }

  /** Waits until nothing is on its way any more; what is there stays. Never fails. */
  async abandon(): Promise<void> {
    await this.#sending?.catch(() => {});
    await this.#removeTokens();
  }

  /** Lets the piece go on its way once the one before is there. */
  async #exchange(): Promise<void> {
    await this.#sending;
    const piece = this.#piece;
    this.#piece = new LoadPiece(this.#parts.pieceBytes);
    this.#sending = this.#send(piece);
    // Told to who waits for it: the next piece, or the end.
    this.#sending.catch(() => {});
  }

  async #removeTokens(): Promise<void> {
    const keys = this.#done.splice(0);
    if (keys.length === 0) return;
    try {
      await this.#parts.write({ ops: keys.map((key) => ({ op: "del", key })), requires: [] });
    } catch {
      // No row of the load hangs on it, and what stays is deleted with others that are old.
    }
  }

  async #send(piece: LoadPiece): Promise<void> {
    const token = concatBytes(COMMIT_TOKENS.start, this.#parts.random.bytes(TOKEN_BYTES));
    let isAnswered = true;
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt === 1 && this.#copies) await this.#copy(piece, token);
        else await this.#put(piece, token);
        break;
      } catch (error) {
        if (isAbout(token, error)) break;
        if (!mayGoAgain(error) || attempt === ATTEMPTS_MAX) throw error;
        if (error instanceof Conflict) this.#copies = false;
        else await this.#pause(attempt);
        isAnswered &&= error.committed === "no";
      }
    }
    if (isAnswered) this.#done.push(token);
    if (this.#done.length === TOKENS_MAX) await this.#removeTokens();
  }

  #copy(piece: LoadPiece, token: Bytes): Promise<void> {
    return this.#parts.copy({
      copied: piece.copied([token, TOKEN_VALUE]),
      told: this.#parts.isLogged ? piece.puts() : [],
      requires: this.#requires,
    });
  }

  /** The token is required first, so that it is the one told where an earlier sending has taken effect. */
  async #put(piece: LoadPiece, token: Bytes): Promise<void> {
    await this.#parts.write({
      ops: [...piece.puts(), { op: "put", key: token, value: TOKEN_VALUE }],
      requires: [{ is: "absent", key: token }, ...this.#requires],
    });
  }

  async #pause(attempt: number): Promise<void> {
    await this.#parts.timers.sleep(Math.min(PAUSE_MILLIS_MAX, 2 ** (attempt + 3)));
  }
}

/** An earlier sending of the piece has put the token, and so has taken effect. */
function isAbout(token: Bytes, error: unknown): boolean {
  return error instanceof RequirementFailed && equalBytes(error.key, token);
}

/** Nothing of it has happened and it may be tried again, or nobody knows. */
function mayGoAgain(error: unknown): error is KotobaError {
  if (!(error instanceof KotobaError)) return false;
  return error.retryable || (error instanceof StorageError && error.code === "CommitUnknown");
}

/** Tells the caller's generator that no more rows are wanted. Not awaited: it may wait for something that never comes. */
async function endQuietly(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // What ended the load is the error to report.
  }
}
