/**
 * One decoder under fire, and the judge of all of them. A decoder is right about an input if it gives a value, says in
 * words that there is none, or throws a KotobaError that names the place; soon, and with little memory.
 *
 * Always true:
 * (1) Another error, one that hangs for more than 50 ms, and memory out of proportion to the input are findings.
 * (2) A decoder that takes nothing, or refuses nothing, is a finding: then the fuzzer tests nothing.
 * (3) No input changes what other objects have.
 */
import { getHeapStatistics } from "node:v8";
import { hex, KotobaError } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import { CorruptionError } from "../../../src/engine/contract/index.ts";
import { count } from "../kit/proof.ts";
import type { Counts } from "../kit/proof.ts";
import { Mutator } from "./mutate.ts";

export interface Input {
  /** A buffer that the input begins; behind it lies what an earlier one left, as in a page. */
  readonly bytes: Bytes;
  readonly length: number;
  /** The input alone. */
  readonly view: Bytes;
  /** 32 random bits. */
  readonly choice: number;
}

export interface Decoder {
  readonly name: string;
  /** Valid encodings, small ones. */
  readonly seeds: readonly Bytes[];
  /** One that costs more gets one input where the others get so many; default 1. */
  readonly rarity?: number;
  /** Larger than its largest seed and what mutations add. */
  readonly bytesMax?: number;
  /** What it may allocate whatever the input is, in bytes; default 512 KiB. */
  readonly allocates?: number;
  /** Makes checksums right again, so that what is behind them is reached; called for every other input. */
  reseal?(input: Input): void;
  /** True: it gave a value; false: it said that there is none. Throws what it throws, and an Error for a wrong value. */
  judge(input: Input): boolean;
}

const BYTES_MAX = 4_096;
/** So many inputs are looked at together for what they allocate. */
const BATCH = 64;
/** An input of n bytes may allocate so much for each byte, and so much beside. */
const ALLOCATED_PER_BYTE = 512;
const ALLOCATED_BESIDE = 512 * 1_024;
/** What garbage and the machine itself may add to a batch before its inputs are looked at one by one. */
const BATCH_ALLOCATED_MAX = 4 * 1_024 * 1_024;
const SLOW_MILLIS = 10;
const SLOWEST_MILLIS = 50;
const OBJECT_MEMBERS = membersOfObject();

export interface FireOptions {
  readonly decoder: Decoder;
  readonly inputs: number;
  readonly seed: number;
}

/** Hands so many inputs to the decoder; counts them, and throws the first finding. */
export function fire({ decoder, inputs, seed }: FireOptions, counts: Counts): void {
  const traceLimit = Error.stackTraceLimit;
  // Making a stack costs more than most decoders; a finding is run again with one.
  Error.stackTraceLimit = 0;
  try {
    new Range(decoder, seed, counts).fire(inputs);
  } finally {
    Error.stackTraceLimit = traceLimit;
  }
  if (membersOfObject() !== OBJECT_MEMBERS) {
    throw new Error(`${decoder.name}: Object.prototype has changed: ${membersOfObject()}`);
  }
}

class Range {
  readonly #decoder: Decoder;
  readonly #mutator: Mutator;
  readonly #counts: Counts;
  #taken = 0;

  constructor(decoder: Decoder, seed: number, counts: Counts) {
    this.#decoder = decoder;
    this.#mutator = new Mutator(seed, decoder.bytesMax ?? BYTES_MAX);
    this.#counts = counts;
  }

  fire(inputs: number): void {
    const mutator = this.#mutator;
    let lastMillis = performance.now();
    let allocated = allocatedBytes();
    for (let i = 0; i < inputs;) {
      const batchStart = mutator.state;
      const end = Math.min(inputs, i + BATCH);
      for (; i < end; i++) {
        const start = mutator.state;
        this.#draw();
        if (this.#judge()) this.#taken++;
        const nowMillis = performance.now();
        if (nowMillis - lastMillis > SLOW_MILLIS) this.#checkSlow(start);
        lastMillis = nowMillis;
      }
      const nowAllocated = allocatedBytes();
      if (nowAllocated - allocated > BATCH_ALLOCATED_MAX) this.#checkAllocated(batchStart);
      allocated = nowAllocated;
    }
    const { name } = this.#decoder;
    count(this.#counts, `${name}: inputs`, inputs);
    if (this.#taken === 0) throw new Error(`${name} took none of ${inputs} inputs`);
    const refused = inputs - this.#taken;
    if (refused === 0) throw new Error(`${name} refused none of ${inputs} inputs`);
    count(this.#counts, "inputs that were decoded", this.#taken);
    count(this.#counts, "inputs that were refused", refused);
  }

  #draw(): void {
    this.#mutator.draw(this.#decoder.seeds);
    if (this.#mutator.choice & 1) this.#decoder.reseal?.(this.#mutator);
  }

  /** Did it give a value? */
  #judge(): boolean {
    try {
      return this.#decoder.judge(this.#mutator);
    } catch (error) {
      if (!isTyped(error)) this.#found(error);
      return false;
    }
  }

  #found(error: unknown): never {
    Error.stackTraceLimit = 20;
    let shown = error;
    try {
      this.#decoder.judge(this.#mutator);
    } catch (again) {
      shown = again;
    }
    throw this.#finding(
      shown instanceof Error ? (shown.stack ?? shown.message) : String(shown),
      error,
    );
  }

  #finding(what: string, cause?: unknown): Error {
    const { length, view } = this.#mutator;
    return new Error(`${this.#decoder.name}, ${length} bytes ${hex(view, 512)}: ${what}`, {
      cause,
    });
  }

  /** Slow because of the input, or because the machine did something else? */
  #checkSlow(start: number): void {
    const end = this.#mutator.state;
    const millis: number[] = [];
    for (let run = 0; run < 2; run++) {
      this.#again(start);
      const before = performance.now();
      this.#judge();
      millis.push(performance.now() - before);
    }
    this.#mutator.state = end;
    const least = Math.min(...millis);
    if (least > SLOW_MILLIS) count(this.#counts, `inputs slower than ${SLOW_MILLIS} ms`);
    if (least > SLOWEST_MILLIS) throw this.#finding(`it took ${Math.round(least)} ms`);
  }

  /** Looks at the inputs of a batch one by one, and at a suspicious one twice: the machine allocates too. */
  #checkAllocated(batchStart: number): void {
    const end = this.#mutator.state;
    let next = batchStart;
    for (let i = 0; i < BATCH && next !== end; i++) {
      const start = next;
      let least = Infinity;
      const { allocates = ALLOCATED_BESIDE } = this.#decoder;
      for (let run = 0; run < 2; run++) {
        this.#again(start);
        next = this.#mutator.state;
        const before = allocatedBytes();
        this.#judge();
        least = Math.min(least, allocatedBytes() - before);
        if (least <= allocates) break;
      }
      if (least > allocates + ALLOCATED_PER_BYTE * this.#mutator.length)
        throw this.#finding(`it allocated ${least} bytes`);
    }
    this.#mutator.state = end;
  }

  #again(state: number): void {
    this.#mutator.state = state;
    this.#draw();
  }
}

/** An error that a program can tell: damage with its place, or another of the closed list. */
function isTyped(error: unknown): boolean {
  if (!(error instanceof KotobaError)) return false;
  if (!(error instanceof CorruptionError)) return true;
  return error.file !== "" && Number.isSafeInteger(error.offset) && error.offset >= 0;
}

function allocatedBytes(): number {
  const { external_memory, used_heap_size } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function membersOfObject(): string {
  return Reflect.ownKeys(Object.prototype).map(String).join(" ");
}
