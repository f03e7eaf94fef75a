/**
 * Group commit: gathers the records of one turn into one write, and all who wait into one sync.
 *
 * A commit's record goes through three marks, each a sequence up to which all commits have come:
 *
 *   appended   encoded into the log's buffer, visible to transactions that may write
 *   written    given to the operating system
 *   synced     on the disk
 *
 * Always true:
 * (1) synced <= written <= appended, and none of them ever goes back.
 * (2) At most one sync runs. Who comes while it runs waits for the next one, which covers everybody who came. Where one
 *     commit alone waits and the disk is quick, its sync blocks the thread: the way to another thread and back would take
 *     as long as the sync.
 * (3) Nothing is written to a log before the one before it is closed and synced whole, so only the newest log that holds
 *     anything can be torn. Commits go on meanwhile: they are appended to the next log's buffer.
 * (4) After the first failure nothing is written or synced any more: what the failed call did is unknown, and a second
 *     sync could report as kept what the operating system has dropped. A full disk is no failure: what could not be
 *     written is kept and written later, and no commit is appended until it was.
 * (5) Each waiter is settled exactly once.
 */
import { assert } from "../../../base/index.ts";
import type { Awaitable } from "../../../base/index.ts";
import { DiskFull, StorageError } from "../../contract/index.ts";
import type { Durability } from "../../contract/index.ts";
import type { Entry } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import { SyncTimes } from "../report/index.ts";
import type { WalWriter } from "../wal/index.ts";

/** What the owner of the log decides and learns. */
export interface CommitLogOwner {
  /** The memtable is full and the next one may begin: asked when no sync runs. */
  wantsNextLog(): boolean;
  /**
   * All that was appended is written. Begins the next memtable and gives the log that goes with it; undefined while that
   * is being made: then wake() when it is there.
   */
  nextLog(): WalWriter | undefined;
  /** One more log is closed and synced whole, and its writer done. */
  logClosed(log: WalWriter): void;
  /** All commits up to this one are durable, and none will follow: called before the last log gets its close mark. */
  logsEnd(sequence: number): void;
  /** The disk is full; what is not written yet waits for room. */
  full(cause: DiskFull): void;
  /** More commits have become visible to readers. */
  visibleChanged(): void;
  /** Writing or syncing failed; called once. */
  failed(cause: unknown): void;
}

interface Waiter {
  readonly sequence: number;
  resolve(): void;
  reject(reason: Error): void;
}

export class CommitLog {
  readonly #host: Host;
  readonly #durability: Durability;
  readonly #owner: CommitLogOwner;
  #wal: WalWriter;
  #appended: number;
  #written: number;
  #synced: number;
  #acknowledged: number;
  #closedUpTo: number;
  /** The log before, while it is being closed; nothing is written to the present one until then. */
  #former: WalWriter | undefined;
  #formerTarget = 0;
  /** What could not be written for want of room. */
  #full: DiskFull | undefined;
  /** Both in the order of sequences. */
  #waitingForWrite: Waiter[] = [];
  #waitingForSync: Waiter[] = [];
  #turnPlanned = false;
  #syncing = false;
  #failure: { readonly cause: unknown } | undefined;
  #closed = false;
  #idle: (() => void)[] = [];
  #syncs = 0;
  #writes = 0;
  #bytesOfFormerLogs = 0;
  readonly syncTimes: SyncTimes;

  constructor(parts: {
    readonly host: Host;
    readonly wal: WalWriter;
    readonly durability: Durability;
    /** A sync that takes less may block the thread; 0: none does. */
    readonly quickSyncMicros: number;
    readonly sequence: number;
    readonly owner: CommitLogOwner;
  }) {
    this.#host = parts.host;
    this.#wal = parts.wal;
    this.#durability = parts.durability;
    this.syncTimes = new SyncTimes(parts.quickSyncMicros);
    this.#owner = parts.owner;
    this.#appended = parts.sequence;
    this.#written = parts.sequence;
    this.#synced = parts.sequence;
    this.#acknowledged = parts.sequence;
    this.#closedUpTo = parts.sequence;
  }

  get appended(): number {
    return this.#appended;
  }
  get written(): number {
    return this.#written;
  }
  get synced(): number {
    return this.#synced;
  }
  /** The newest commit that readers may be shown: the newest that the engine's own durability calls acknowledged. */
  get visible(): number {
    return this.#reached(this.#durability);
  }
  /** The newest commit whose success somebody was told. Ahead of `visible` after one of weaker durability. */
  get acknowledgedUpTo(): number {
    return Math.max(this.#acknowledged, this.visible);
  }
  /** All commits up to this one are in logs that are closed. */
  get closedUpTo(): number {
    return this.#closedUpTo;
  }
  get logNumber(): number {
    return this.#wal.logNumber;
  }
  get stats(): Readonly<Record<string, number>> {
    const former = this.#former?.fileBytes ?? 0;
    const logBytes = former + this.#wal.fileBytes + this.#wal.pendingBytes;
    return {
      syncs: this.#syncs,
      writes: this.#writes,
      logBytes,
      logBytesTotal: this.#bytesOfFormerLogs + logBytes,
      ...this.syncTimes.stats,
    };
  }

  /**
   * Encodes one commit into the buffer. Gives its sequence. Follow it with acknowledged(). Throws DiskFull when there is no
   * room for it on the disk, and nothing has happened then.
   */
  append(entries: readonly Entry[]): number {
    assert(this.#failure === undefined && !this.#closed, "nothing is appended to an ended log");
    if (this.#full !== undefined) this.#writeNowOrRefuse();
    const sequence = this.#appended + 1;
    this.#wal.append(sequence, entries);
    this.#appended = sequence;
    this.#planTurn();
    return sequence;
  }

  /**
   * Takes the next sequence for something that is durable already and needs no record: loaded tables, which the manifest
   * names. All before it is durable too, so a power cut never leaves it without them.
   */
  skip(): number {
    assert(this.#failure === undefined && !this.#closed, "an ended log gives no sequence");
    assert(this.#synced === this.#appended, "what comes before a skipped sequence is durable");
    const sequence = this.#appended + 1;
    this.#appended = sequence;
    this.#written = sequence;
    this.#synced = sequence;
    return sequence;
  }

  /** Settles when the commit is as safe as asked: nothing to wait for if it is already. */
  acknowledged(sequence: number, durability: Durability = this.#durability): Awaitable<void> {
    if (sequence <= this.#reached(durability)) {
      this.#tell(sequence);
      return undefined;
    }
    if (this.#failure !== undefined) throw unknownOutcome(this.#failure.cause);
    return this.#wait(sequence, durability);
  }

  /** When readers may be shown the commits up to `sequence`; undefined: at once. */
  whenVisible(sequence: number): Promise<void> | undefined {
    return sequence <= this.visible ? undefined : this.#wait(sequence, this.#durability);
  }

  #wait(sequence: number, durability: Durability): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { sequence, resolve, reject };
      insert(durability === "durable" ? this.#waitingForSync : this.#waitingForWrite, waiter);
      this.#planTurn();
    });
  }

  #tell(sequence: number): void {
    if (sequence > this.#acknowledged) this.#acknowledged = sequence;
  }

  /** Looks whether there is something to do, for instance because the memtable may be exchanged again. */
  wake(): void {
    if (this.#failure === undefined && !this.#closed) this.#planTurn();
  }

  /** Ends writing because something else failed: everybody who waits learns of it. */
  stop(cause: unknown): void {
    if (this.#failure !== undefined || this.#closed) return;
    this.#failure = { cause };
    const waiting = [...this.#waitingForWrite.splice(0), ...this.#waitingForSync.splice(0)];
    for (const waiter of waiting) waiter.reject(unknownOutcome(cause));
    if (!this.#syncing) this.#becomeIdle();
  }

  /** Waits until no sync runs and nobody waits, then closes the log: with the mark of a clean end, if nothing failed. */
  async close(): Promise<void> {
    while (this.#failure === undefined && this.#isBusy()) await this.#whenIdle();
    if (this.#syncing) await this.#whenIdle();
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#failure === undefined) this.#closeLog();
    } finally {
      this.#former?.abandon();
      this.#wal.abandon();
    }
  }

  #isBusy(): boolean {
    return this.#syncing || this.#waitingForSync.length > 0 || this.#waitingForWrite.length > 0;
  }

  #reached(durability: Durability): number {
    switch (durability) {
      case "durable":
        return this.#synced;
      case "buffered":
        return this.#written;
      case "memory":
        return this.#appended;
    }
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.#host.timers.soon(() => {
      this.#turnPlanned = false;
      this.#turn();
    });
  }

  /** Writes what came, syncs if somebody needs it, exchanges the log if it is full. */
  #turn(): void {
    if (this.#failure !== undefined || this.#closed) return;
    try {
      this.#write();
      const mayExchange = !this.#syncing && this.#former === undefined;
      if (mayExchange && this.#owner.wantsNextLog()) this.#exchangeLog();
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    if (!this.#syncing && this.#needsSync()) this.#sync();
    if (!this.#isBusy()) this.#becomeIdle();
  }

  #write(): void {
    if (this.#former !== undefined && !this.#syncing) {
      this.#closeFormer(this.#former);
      // Its mark was written at once: there is room again.
      if (this.#former.pendingBytes === 0) this.#full = undefined;
    }
    if (this.#written < this.#appended && this.#former === undefined) {
      try {
        this.#wal.writePending();
      } catch (cause) {
        if (!(cause instanceof DiskFull)) throw cause;
        this.#beFull(cause);
        return;
      }
      this.#full = undefined;
      this.#writes++;
      this.#written = this.#appended;
      if (this.#durability !== "durable") this.#owner.visibleChanged();
    }
    this.#settle(this.#waitingForWrite, this.#written);
  }

  /** Whoever waits for what is not written learns that its outcome is open: it is written when there is room, or lost. */
  #beFull(cause: DiskFull): void {
    this.#full = cause;
    for (const waiters of [this.#waitingForWrite, this.#waitingForSync]) {
      const first = waiters.findIndex(({ sequence }) => sequence > this.#written);
      if (first < 0) continue;
      for (const waiter of waiters.splice(first)) waiter.reject(unknownOutcome(cause));
    }
    this.#owner.full(cause);
  }

  #writeNowOrRefuse(): void {
    try {
      this.#write();
    } catch (cause) {
      this.#fail(cause);
      throw new StorageError("ReadOnly", undefined, { cause });
    }
    const cause = this.#full;
    if (cause !== undefined) throw new DiskFull(String(cause.details["file"]), { cause });
  }

  #needsSync(): boolean {
    if (this.#synced === this.#written) return false;
    return this.#durability === "durable" || this.#waitingForSync.length > 0;
  }

  #sync(): void {
    const target = this.#written;
    this.#syncs++;
    const start = this.#host.clock.monotonicMillis();
    if (this.#waitingForSync.length === 1 && this.syncTimes.areQuick) {
      this.#syncNow(target, start);
      return;
    }
    this.#syncing = true;
    this.#wal.sync().then(
      () => {
        this.#syncing = false;
        this.#syncTook(start, target);
        this.#synchronized(target);
      },
      (cause: unknown) => {
        this.#syncing = false;
        this.#fail(cause);
      },
    );
  }

  #syncNow(target: number, start: number): void {
    try {
      this.#wal.syncNow();
      this.#syncTook(start, target);
      this.#reachSynced(target);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #syncTook(start: number, target: number): void {
    this.syncTimes.record(this.#host.clock.monotonicMillis() - start, target - this.#synced);
  }

  #synchronized(sequence: number): void {
    if (this.#failure !== undefined) {
      this.#becomeIdle();
      return;
    }
    try {
      this.#reachSynced(sequence);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    this.#turn();
  }

  #reachSynced(sequence: number): void {
    assert(sequence >= this.#synced && sequence <= this.#written, "synced never passes written");
    this.#synced = sequence;
    this.#settle(this.#waitingForSync, sequence);
    if (this.#durability === "durable") this.#owner.visibleChanged();
  }

  #settle(waiters: Waiter[], sequence: number): void {
    let count = 0;
    while (count < waiters.length && waiters[count]!.sequence <= sequence) count++;
    if (count === 0) return;
    this.#tell(waiters[count - 1]!.sequence);
    for (const waiter of waiters.splice(0, count)) waiter.resolve();
  }

  #exchangeLog(): void {
    if (this.#written < this.#appended) return;
    const next = this.#owner.nextLog();
    if (next === undefined) return;
    this.#former = this.#wal;
    this.#formerTarget = this.#appended;
    this.#wal = next;
    this.#closeFormer(this.#former);
  }

  /** Called again when the disk was full. */
  #closeFormer(former: WalWriter): void {
    const target = this.#formerTarget;
    this.#syncing = true;
    this.#syncs += 2;
    former
      .closeInBackground(() => this.#formerSynced(target))
      .then(
        (refusal) => {
          if (refusal === undefined) this.#formerClosed(former, target);
          else this.#formerRefused(refusal);
        },
        (cause: unknown) => {
          this.#syncing = false;
          this.#fail(cause);
        },
      );
  }

  /** There is no room for the mark of the former log, so nothing may go to the present one; tried again at the next commit. */
  #formerRefused(refusal: DiskFull): void {
    this.#syncing = false;
    if (this.#failure === undefined) this.#beFull(refusal);
    this.#becomeIdle();
  }

  /** The mark is still to come, but all commits of the log are safe. */
  #formerSynced(target: number): void {
    // Meanwhile a sequence may have been skipped, where nothing else was left to sync.
    if (this.#failure === undefined) this.#reachSynced(Math.max(target, this.#synced));
  }

  #formerClosed(former: WalWriter, target: number): void {
    this.#syncing = false;
    if (this.#failure !== undefined) {
      this.#becomeIdle();
      return;
    }
    this.#former = undefined;
    this.#full = undefined;
    this.#bytesOfFormerLogs += former.fileBytes;
    this.#closedUpTo = target;
    try {
      this.#owner.logClosed(former);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    this.#turn();
  }

  /** Closing writes what is pending and syncs everything. */
  #closeLog(): void {
    this.#former?.close();
    this.#wal.close(() => {
      this.#syncs++;
      this.#written = this.#appended;
      this.#settle(this.#waitingForWrite, this.#written);
      if (this.#durability === "buffered") this.#owner.visibleChanged();
      this.#reachSynced(this.#written);
      this.#owner.logsEnd(this.#appended);
    });
  }

  #fail(cause: unknown): void {
    const first = this.#failure === undefined;
    this.stop(cause);
    if (first) this.#owner.failed(cause);
    if (!this.#syncing) this.#becomeIdle();
  }

  #whenIdle(): Promise<void> {
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #becomeIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Waiters of commits come in order; those of plans without ops may wait for an earlier sequence. */
function insert(waiters: Waiter[], waiter: Waiter): void {
  let at = waiters.length;
  while (at > 0 && waiters[at - 1]!.sequence > waiter.sequence) at--;
  if (at === waiters.length) waiters.push(waiter);
  else waiters.splice(at, 0, waiter);
}

function unknownOutcome(cause: unknown): StorageError {
  return new StorageError("CommitUnknown", undefined, { cause });
}
