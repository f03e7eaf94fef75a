/**
 * What can go wrong in a call to the simulated disk, and which faults are set for which calls.
 *
 * Always true:
 * (1) A fault takes effect only in a call that it fits; in others the call goes as if none were set.
 * (2) Faults set for one call come before lasting ones, and among lasting ones the one set first.
 */
import type { KotobaError } from "../../base/index.ts";
import { storageFailure } from "../../engine/lsm/host/index.ts";

/** The operating system's words for a call that failed. */
export type FaultCode =
  | "EACCES"
  | "EAGAIN"
  | "EBUSY"
  | "EDQUOT"
  | "EFBIG"
  | "EINTR"
  | "EIO"
  | "EMFILE"
  | "ENFILE"
  | "ENOENT"
  | "ENOMEM"
  | "ENOSPC"
  | "EPERM"
  | "EROFS"
  | "ESTALE";

/** The disk says that all went well, and it did not. */
export type Lie =
  | "short-read"
  | "flipped-read"
  | "stale-read"
  | "misdirected-read"
  | "short-write"
  | "flipped-write"
  | "lost-write"
  | "misdirected-write"
  | "lying-sync"
  | "dropping-sync";

/**
 * What goes wrong in a call.
 *
 * - A code ("EIO", "ENOSPC"): it fails and does nothing.
 * - A code and "-part": a write fails after it wrote some of its bytes; other calls as with the code alone.
 * - A code and "-after": it fails after it did its work, a sync included; a call that changes nothing, as with the code
 *   alone.
 * - "short-read": a read gives fewer bytes than there are. "flipped-read": one bit of them is another, this once.
 *   "stale-read": they are those from before the last write to this place. "misdirected-read": they are those of another
 *   place or file.
 * - "short-write": a write says that all is written, and it is a part. "flipped-write": with one bit changed.
 *   "lost-write": nothing is. "misdirected-write": to another place or file.
 * - "lying-sync": a sync of a file or a directory says that all is durable, and nothing is, until a later one.
 *   "dropping-sync": what a sync of a file covered never will be, though reads show it.
 * - "power-cut": it may have done its work, unsynced, and the host is dead from there on.
 *
 * A sync that fails makes nothing durable (but with "-after"), and no later sync of the file will for what it covered.
 */
export type Fault = FaultCode | `${FaultCode}-part` | `${FaultCode}-after` | Lie | "power-cut";

/** The calls that each lie is told in. */
const liars: Readonly<Record<Lie, readonly string[]>> = {
  "short-read": ["read", "readAsync"],
  "flipped-read": ["read", "readAsync"],
  "stale-read": ["read", "readAsync"],
  "misdirected-read": ["read", "readAsync"],
  "short-write": ["write"],
  "flipped-write": ["write"],
  "lost-write": ["write"],
  "misdirected-write": ["write"],
  "lying-sync": ["sync", "syncDirectory"],
  "dropping-sync": ["sync"],
};

/** One call to the simulated disk. */
export interface IoCall {
  /** From 1, among all calls. */
  readonly call: number;
  /** From 1, among the calls that may change the disk; undefined for the others. */
  readonly change: number | undefined;
  /** "read", "readAsync", "write", "sync", "open", "rename" and so on. */
  readonly what: string;
  readonly path: string;
}

/**
 * Whether the fault can take effect in a call of this kind.
 *
 * @example
 * faultFits("lost-write", "write"); // true
 * faultFits("lost-write", "read"); // false
 */
export function faultFits(fault: Fault, what: string): boolean {
  return isLie(fault) ? liars[fault].includes(what) : true;
}

export function isLie(fault: Fault): fault is Lie {
  return Object.hasOwn(liars, fault);
}

/** When a failing call does its work: before it fails, in part, or not at all. */
export function workBefore(fault: Fault): "all" | "part" | "none" {
  if (fault === "power-cut" || fault.endsWith("-after")) return "all";
  return fault.endsWith("-part") ? "part" : "none";
}

interface Lasting {
  readonly from: number;
  readonly fault: Fault;
  readonly only: (call: IoCall) => boolean;
}

export class FaultPlan {
  /** How many calls a fault has taken effect in. */
  met = 0;
  readonly #calls = new Map<number, Fault>();
  readonly #changes = new Map<number, Fault>();
  #lasting: Lasting[] = [];

  at(call: number, fault: Fault): void {
    this.#calls.set(call, fault);
  }

  atChange(change: number, fault: Fault): void {
    this.#changes.set(change, fault);
  }

  from(call: number, fault: Fault, only: (call: IoCall) => boolean): void {
    this.#lasting.push({ from: call, fault, only });
  }

  clear(): void {
    this.#calls.clear();
    this.#changes.clear();
    this.#lasting = [];
  }

  /** What goes wrong in this call. */
  of(call: IoCall): Fault | undefined {
    const once =
      this.#calls.get(call.call) ??
      (call.change === undefined ? undefined : this.#changes.get(call.change));
    const fault = once !== undefined && faultFits(once, call.what) ? once : this.#lastingIn(call);
    if (fault !== undefined) this.met++;
    return fault;
  }

  #lastingIn(call: IoCall): Fault | undefined {
    for (const { fault, from, only } of this.#lasting)
      if (call.call >= from && faultFits(fault, call.what) && only(call)) return fault;
    return undefined;
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
  const code = fault === "power-cut" ? "EPOWER" : fault.replace(/-(part|after)$/, "");
  return storageFailure(new SystemError(code, what, path), path);
}
