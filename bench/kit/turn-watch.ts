/** How long others in the process have to wait: the time between two turns of the event loop. */

/** Looks at the clock in every turn of the event loop, from start() to stop(). */
export class TurnWatch {
  readonly #millis: number[] = [];
  #before = 0;
  #next: NodeJS.Immediate | undefined;

  start(): void {
    this.#before = performance.now();
    this.#next = setImmediate(() => this.#turn());
  }

  #turn(): void {
    const now = performance.now();
    this.#millis.push(now - this.#before);
    this.#before = now;
    this.#next = setImmediate(() => this.#turn());
  }

  stop(): { readonly longestMillis: number; readonly p999Millis: number } {
    if (this.#next !== undefined) clearImmediate(this.#next);
    const sorted = Float64Array.from(this.#millis).toSorted();
    return {
      longestMillis: sorted.at(-1) ?? 0,
      p999Millis: sorted[Math.floor(sorted.length * 0.999)] ?? 0,
    };
  }
}
