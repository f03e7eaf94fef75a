/**
 * From the engine to its listener.
 *
 * Always true:
 * (1) The listener is called in a turn of its own, never from inside of the engine's work: whatever it does, it finds the
 *     engine between two steps, and what it throws ends nothing.
 * (2) Events arrive in the order in which they happened, each once.
 * (3) Nothing is made or kept where nobody listens.
 */
import { KotobaError } from "../../../base/index.ts";
import { CorruptionError, DiskFull, StorageError } from "../../contract/index.ts";
import type { Host } from "../host/index.ts";
import type { LsmEvent, LsmEventBody, LsmEventListener } from "./event.ts";

/** So many places of damage are remembered, so that a read that is repeated does not tell of the same one for ever. */
const PLACES_MAX = 1_000;

export class LsmEvents {
  readonly #host: Host;
  readonly #listener: LsmEventListener | undefined;
  readonly #damagedPlaces = new Set<string>();
  #waiting: LsmEvent[] = [];
  #failures = 0;

  constructor(host: Host, listener: LsmEventListener | undefined) {
    this.#host = host;
    this.#listener = listener;
  }

  /** How often the listener threw. */
  get listenerFailures(): number {
    return this.#failures;
  }
  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  emit(event: LsmEventBody): void {
    if (this.#listener === undefined) return;
    const isFirst = this.#waiting.length === 0;
    this.#waiting.push({ ...event, atMillis: this.#host.clock.nowMillis() });
    if (isFirst) this.#host.timers.soon(() => this.deliver());
  }

  /** Tells of an error that ended something; one that is no matter of the storage is left to who gets it. */
  emitError(cause: unknown): void {
    if (this.#listener === undefined) return;
    if (cause instanceof CorruptionError) this.#emitCorruption(cause);
    else if (cause instanceof DiskFull) this.emit({ type: "disk-full", error: cause });
  }

  /** The engine takes no commits any more, because of `cause`. */
  emitFailure(cause: unknown): void {
    if (this.#listener === undefined) return;
    this.emitError(cause);
    const error =
      cause instanceof KotobaError
        ? cause
        : new StorageError("Io", { error: String(cause) }, { cause });
    this.emit({ type: "failure", error });
  }

  /** Hands over what waits: at the end of the turn, or before the engine is gone. */
  deliver(): void {
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) this.#tell(event);
  }

  #tell(event: LsmEvent): void {
    try {
      this.#listener!(event);
    } catch (error) {
      this.#failures++;
      this.#host.warn(error, `the listener for events failed at "${event.type}"`);
    }
  }

  #emitCorruption(error: CorruptionError): void {
    const place = `${error.file} ${error.offset}`;
    if (this.#damagedPlaces.has(place) || this.#damagedPlaces.size >= PLACES_MAX) return;
    this.#damagedPlaces.add(place);
    this.emit({ type: "corruption", error });
  }
}
