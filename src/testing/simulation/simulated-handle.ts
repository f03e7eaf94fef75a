/** An open file of the simulated disk, and the faults that its calls can meet. */
import { Closed } from "../../base/index.ts";
import type { Bytes, KotobaError } from "../../base/index.ts";
import { StorageError } from "../../engine/contract/index.ts";
import { storageFailure } from "../../engine/lsm/host/index.ts";
import type { FileHandle, OpenMode } from "../../engine/lsm/host/index.ts";
import type { SimulatedFile } from "./simulated-file.ts";

/**
 * What goes wrong in a call. EIO, ENOSPC: it fails and does nothing. ENOSPC-part: a write fails after it wrote some of
 * its bytes, other calls as ENOSPC. power-cut: it may have done its work, unsynced, and the host is dead from there on.
 * A sync that fails makes nothing durable, and no later sync of the file will for what it covered.
 */
export type Fault = "EIO" | "ENOSPC" | "ENOSPC-part" | "power-cut";

/** What a handle needs of its host. */
export interface HandleHost {
  /** Counts the call; gives the fault that is set for it, or throws it. */
  readonly enter: (what: string, changes: boolean) => Fault | undefined;
  readonly isDead: () => boolean;
  readonly choose: (choices: number) => number;
  /** A read that blocks takes its time. */
  readonly readTakes: () => void;
  /** Comes when a read beside the thread has taken its time, on a later turn in any case. */
  readonly readTook: () => Promise<void>;
}

type HandleCall = "read" | "readAsync" | "write" | "size" | "truncate" | "sync";

export class SimulatedHandle implements FileHandle {
  readonly path: string;
  readonly #file: SimulatedFile;
  readonly #mode: OpenMode;
  readonly #host: HandleHost;
  #closed = false;
  #failure: Error | undefined;

  constructor(path: string, file: SimulatedFile, mode: OpenMode, host: HandleHost) {
    this.path = path;
    this.#file = file;
    this.#mode = mode;
    this.#host = host;
  }

  read(target: Bytes, start: number, end: number, offset: number): number {
    this.#begin("read");
    this.#host.readTakes();
    return this.#copy(target, start, end, offset);
  }

  async readAsync(target: Bytes, start: number, end: number, offset: number): Promise<number> {
    this.#begin("readAsync");
    await this.#host.readTook();
    if (this.#host.isDead()) throw failureOf("power-cut", "readAsync", this.path);
    return this.#copy(target, start, end, offset);
  }

  write(source: Bytes, start: number, end: number, offset: number): void {
    const fault = this.#begin("write");
    const written = fault === "ENOSPC-part" ? this.#host.choose(end - start) : end - start;
    if (fault !== "EIO" && fault !== "ENOSPC" && written > 0) {
      this.#file.write(source.subarray(start, start + written), offset);
    }
    if (fault !== undefined) throw failureOf(fault, "write", this.path);
  }

  size(): number {
    this.#begin("size");
    return this.#file.size;
  }

  truncate(size: number): void {
    const fault = this.#begin("truncate");
    this.#file.truncate(size);
    if (fault !== undefined) throw failureOf(fault, "truncate", this.path);
  }

  async sync(): Promise<void> {
    const fault = this.#begin("sync");
    const covered = this.#file.covered;
    // The outcome comes on a later turn, as from a disk: what a power cut before that keeps is still open.
    await Promise.resolve();
    this.#endSync(this.#host.isDead() ? "power-cut" : fault, covered);
  }

  syncNow(): void {
    this.#endSync(this.#begin("sync"), this.#file.covered);
  }

  close(): void {
    this.#closed = true;
  }

  #copy(target: Bytes, start: number, end: number, offset: number): number {
    const bytes = this.#file.content.subarray(offset, offset + (end - start));
    target.set(bytes, start);
    return bytes.length;
  }

  #begin(what: HandleCall): Fault | undefined {
    if (this.#closed) throw new Closed(this.path);
    if (what === "read" || what === "readAsync" || what === "size")
      return this.#host.enter(what, false);
    if (what !== "sync" && this.#mode === "read") throw failureOf("EBADF", what, this.path);
    if (this.#failure !== undefined) {
      throw new StorageError("ReadOnly", { file: this.path }, { cause: this.#failure });
    }
    return this.#host.enter(what, true);
  }

  #endSync(fault: Fault | undefined, covered: number): void {
    if (fault === undefined) {
      this.#file.harden(covered);
      return;
    }
    this.#failure = failureOf(fault, "sync", this.path);
    this.#file.abandon(covered);
    throw this.#failure;
  }
}

/** Looks like an error of Node: its code, and the call and path it came from. */
class SystemError extends Error {
  readonly code: string;
  constructor(code: string, call: string, path: string) {
    super(`${code}: simulated, ${call} '${path}'`);
    this.code = code;
  }
}

/** The failure of a call as the host reports it: `fault` is a fault or the word of an operating system. */
export function failureOf(fault: string, what: string, path: string): KotobaError {
  const code = fault === "ENOSPC-part" ? "ENOSPC" : fault === "power-cut" ? "EPOWER" : fault;
  return storageFailure(new SystemError(code, what, path), path);
}
