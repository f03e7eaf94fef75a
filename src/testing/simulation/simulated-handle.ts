/**
 * An open file of the simulated disk, and the faults that its calls can meet.
 *
 * Always true: it keeps the contract of every host, unless a fault is set; what a fault breaks is said in fault.ts.
 */
import { Closed, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import type { FileHandle, OpenMode } from "../../engine/lsm/host/index.ts";
import { failureOf, isLie, workBefore } from "./fault.ts";
import type { BegunCall, IoCalls } from "./io-calls.ts";
import type { Journal } from "./journal.ts";
import { SECTOR_BYTES } from "./simulated-file.ts";
import type { Choose, SimulatedFile } from "./simulated-file.ts";

/** What a handle needs of its host. */
export interface HandleHost {
  readonly io: IoCalls;
  readonly journal: Journal;
  /** Draws what a fault does. */
  readonly choose: Choose;
  /** Some file that has bytes: where a misdirected call goes. */
  readonly someFile: () => SimulatedFile;
  /** A call that blocks takes its time. */
  readonly takes: (what: "read" | "write" | "sync") => void;
  /** Comes when a call beside the thread has taken its time, never before a later turn. */
  readonly took: (what: "read" | "sync") => Promise<void>;
}

type HandleCall = "read" | "readAsync" | "write" | "size" | "truncate" | "sync";

export class SimulatedHandle implements FileHandle {
  readonly path: string;
  readonly #file: SimulatedFile;
  readonly #mode: OpenMode;
  readonly #host: HandleHost;
  #closed = false;
  /** Calls that run beside the thread; the file stays open for them. */
  #underWay = 0;
  #failure: Error | undefined;

  constructor(path: string, file: SimulatedFile, mode: OpenMode, host: HandleHost) {
    this.path = path;
    this.#file = file;
    this.#mode = mode;
    this.#host = host;
    file.opened++;
  }

  read(target: Bytes, start: number, end: number, offset: number): number {
    const call = this.#begin("read");
    this.#host.takes("read");
    return this.#endRead(call, target, start, end, offset);
  }

  async readAsync(target: Bytes, start: number, end: number, offset: number): Promise<number> {
    const call = this.#begin("readAsync");
    this.#underWay++;
    await this.#host.took("read");
    this.#endUnderWay();
    if (this.#host.io.dead) throw this.#host.io.failed(call, "power-cut");
    return this.#endRead(call, target, start, end, offset);
  }

  write(source: Bytes, start: number, end: number, offset: number): void {
    const call = this.#begin("write");
    const { fault } = call;
    this.#host.takes("write");
    const whole = source.subarray(start, end);
    const isPart = fault === "short-write" || (fault !== undefined && workBefore(fault) === "part");
    this.#land(call, isPart ? whole.subarray(0, this.#host.choose(whole.length)) : whole, offset);
    const facts = { offset, bytes: whole };
    if (fails(fault)) throw this.#host.io.failed(call, fault, facts);
    this.#host.io.ended(call, facts);
  }

  size(): number {
    const call = this.#begin("size");
    this.#host.io.ended(call);
    return this.#file.size;
  }

  truncate(size: number): void {
    const call = this.#begin("truncate");
    this.#file.truncate(size);
    if (fails(call.fault)) throw this.#host.io.failed(call, call.fault, { offset: size });
    this.#host.io.ended(call, { offset: size });
  }

  async sync(): Promise<void> {
    const call = this.#begin("sync");
    const covered = this.#host.journal.last;
    this.#underWay++;
    // The outcome comes on a later turn, as from a disk: what a power cut before that keeps is still open.
    await this.#host.took("sync");
    this.#endUnderWay();
    this.#endSync(this.#host.io.dead ? { ...call, fault: "power-cut" } : call, covered);
  }

  syncNow(): void {
    const call = this.#begin("sync");
    this.#host.takes("sync");
    this.#endSync(call, this.#host.journal.last);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#underWay === 0) this.#file.opened--;
  }

  #endUnderWay(): void {
    this.#underWay--;
    if (this.#closed && this.#underWay === 0) this.#file.opened--;
  }

  #endRead(call: BegunCall, target: Bytes, start: number, end: number, offset: number): number {
    const bytes = this.#bytesFor(call, offset, offset + (end - start));
    target.set(bytes, start);
    if (fails(call.fault)) throw this.#host.io.failed(call, call.fault, { offset });
    this.#host.io.ended(call, { offset, bytes });
    return bytes.length;
  }

  /** What a read of [start, end) gives, by the fault it meets. */
  #bytesFor({ fault }: BegunCall, start: number, end: number): Bytes {
    const { choose } = this.#host;
    const bytes = this.#file.content.subarray(start, end);
    if (fault === "short-read") return bytes.subarray(0, choose(bytes.length));
    if (fault === "flipped-read") return flipped(bytes, choose);
    if (fault === "stale-read") return this.#file.staleContent(start, end);
    if (fault !== "misdirected-read") return bytes;
    const [file, from] = this.#elsewhere(start);
    // As many bytes as there should be: a disk gives whole sectors from wherever it reads.
    const other = new Uint8Array(bytes.length);
    other.set(file.content.subarray(from, from + bytes.length));
    return other;
  }

  #land({ fault }: BegunCall, bytes: Bytes, offset: number): void {
    if (fault === "lost-write" || bytes.length === 0) return;
    if (fault === "misdirected-write") {
      const [file, at] = this.#elsewhere(offset);
      file.write(bytes, at);
    } else
      this.#file.write(
        fault === "flipped-write" ? flipped(bytes, this.#host.choose) : bytes,
        offset,
      );
  }

  /** Another place than `offset` in this file: the same one of another file, or some sectors away. */
  #elsewhere(offset: number): readonly [SimulatedFile, number] {
    const { choose, someFile } = this.#host;
    const file = someFile();
    if (file !== this.#file) return [file, offset < file.size ? offset : 0];
    const sectors = 1 + choose(4);
    const isBefore = offset >= sectors * SECTOR_BYTES && choose(2) === 0;
    return [file, offset + (isBefore ? -sectors : sectors) * SECTOR_BYTES];
  }

  #begin(what: HandleCall): BegunCall {
    if (this.#closed) throw new Closed(this.path);
    const changes = what === "write" || what === "truncate" || what === "sync";
    if (changes && what !== "sync" && this.#mode === "read")
      throw failureOf("EBADF", what, this.path);
    if (changes && this.#failure !== undefined) {
      throw new StorageError("ReadOnly", { file: this.path }, { cause: this.#failure });
    }
    return this.#host.io.begin(what, this.path, changes);
  }

  #endSync(call: BegunCall, covered: number): void {
    const { fault } = call;
    if (fault === undefined || fault.endsWith("-after")) {
      this.#file.harden(covered);
      this.#host.journal.write(covered);
    } else if (fault !== "lying-sync") this.#file.abandon(covered);
    if (fails(fault)) {
      this.#failure = this.#host.io.failed(call, fault);
      throw this.#failure;
    }
    this.#host.io.ended(call);
  }
}

/** Whether the call tells of its fault. */
function fails(fault: BegunCall["fault"]): fault is NonNullable<BegunCall["fault"]> {
  return fault !== undefined && !isLie(fault);
}

function flipped(bytes: Bytes, choose: Choose): Bytes {
  const copy = copyBytes(bytes);
  if (copy.length > 0) copy[choose(copy.length)]! ^= 1 << choose(8);
  return copy;
}
