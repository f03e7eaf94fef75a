/**
 * Every call to the simulated disk passes here: it is counted, told, failed where a fault is set for it, and traced.
 *
 * Always true:
 * (1) Calls have numbers from 1 in the order in which they begin; lines of the trace come in the order in which they end.
 * (2) After the power is cut every call fails, and none is counted.
 */
import type { Bytes } from "../../base/index.ts";
import { FaultPlan, failureOf, isLie, workBefore } from "./fault.ts";
import type { Fault, IoCall } from "./fault.ts";

/** A call that has begun. */
export interface BegunCall {
  readonly call: number;
  readonly what: string;
  readonly path: string;
  /** What goes wrong in it after it did something. */
  readonly fault: Fault | undefined;
}

/** What the trace says of a call. */
interface CallFacts {
  readonly to?: string;
  readonly offset?: number;
  readonly bytes?: Bytes;
  readonly failure?: string;
}

export class IoCalls {
  readonly faults: FaultPlan = new FaultPlan();
  onCall: ((call: IoCall) => void) | undefined;
  calls = 0;
  changes = 0;
  dead = false;
  readonly #trace: string[] | undefined;
  readonly #nowMillis: () => number;

  constructor(trace: string[] | undefined, nowMillis: () => number) {
    this.#trace = trace;
    this.#nowMillis = nowMillis;
  }

  /** Counts the call and says what is to go wrong in it, or throws it. */
  begin(what: string, path: string, changes: boolean): BegunCall {
    if (this.dead) throw failureOf("power-cut", what, path);
    const call = ++this.calls;
    if (changes) this.changes++;
    const change = changes ? this.changes : undefined;
    const asked: IoCall = { call, change, what, path };
    this.onCall?.(asked);
    // Told of the call, the listener may have cut the power.
    if (this.dead) throw failureOf("power-cut", what, path);
    const fault = this.faults.of(asked);
    if (fault === "power-cut") this.dead = true;
    const begun: BegunCall = { call, what, path, fault };
    if (fault !== undefined && !isLie(fault) && !this.#worksFirst(fault, what, changes))
      throw this.failed(begun, fault);
    return begun;
  }

  /** A part of the work is done by a write only; a failing sync does none, and says which of its bytes are lost. */
  #worksFirst(fault: Fault, what: string, changes: boolean): boolean {
    if (what === "sync") return true;
    if (workBefore(fault) === "part") return what === "write";
    return workBefore(fault) === "all" && (changes || fault === "power-cut");
  }

  /** The call ended well, as far as it says. */
  ended(begun: BegunCall, facts: CallFacts = {}): void {
    if (this.#trace !== undefined) this.#trace.push(this.#line(begun, facts));
  }

  /** The call failed; gives the error. */
  failed(begun: BegunCall, fault: string, facts: CallFacts = {}): Error {
    this.ended(begun, { ...facts, failure: fault });
    return failureOf(fault, begun.what, begun.path);
  }

  #line({ call, what, path, fault }: BegunCall, facts: CallFacts): string {
    const { bytes, failure = fault, offset, to } = facts;
    const words = [String(call), what, path];
    if (to !== undefined) words.push(`to ${to}`);
    if (offset !== undefined) words.push(`at ${offset}`);
    if (bytes !== undefined) words.push(`${bytes.length} bytes ${checksum(bytes)}`);
    if (failure !== undefined) words.push(failure);
    words.push(`${this.#nowMillis().toFixed(3)} ms`);
    return words.join(" ");
  }
}

/** FNV-1a in 32 bits: enough to see that two runs differ. */
function checksum(bytes: Bytes): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, "0");
}
