/**
 * The engine's state with the own writes laid over it, and the read set of what the engine answered.
 *
 * Always true:
 * (1) A read sees every own write made before it; a scan, and what its entries refer to, those made before it was opened.
 * (2) What the engine has answered is in the read set, and nothing that own writes have answered alone.
 */
import { andThen, assert } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { isEmptyRange } from "../../engine/contract/index.ts";
import type {
  Decode,
  KeyRange,
  MultiScan,
  ReadView,
  RefScan,
  Scan,
  ScanOptions,
} from "../../engine/contract/index.ts";
import { ConsumedRanges } from "../reading/consumed-ranges.ts";
import { EngineRows } from "../reading/engine-rows.ts";
import { withValues } from "../reading/full-view.ts";
import type { FullView } from "../reading/full-view.ts";
import { GatheredGets } from "../reading/gathered-gets.ts";
import { copyKey } from "../reading/key-set.ts";
import type { ReadSet } from "../reading/read-set.ts";
import { RecordedMultiScan, RecordedRefScan } from "../reading/recorded-scans.ts";
import { LookupRefScan } from "../reading/ref-scan.ts";
import type { ScanOwner } from "../reading/scan-owner.ts";
import { ScanSequence } from "../reading/scan-sequence.ts";
import type { MultiScanOptions } from "../reading/scan-sequence.ts";
import { MergedScan } from "./merged-scan.ts";
import { valueAfter } from "./own-writes.ts";
import type { OwnAnswers, OwnWrites, OwnWritesSnapshot } from "./own-writes.ts";
import type { KeyWrite } from "./sorted-writes.ts";

export class LayeredView implements FullView, ScanOwner {
  readonly #engine: ReadView;
  readonly remote: boolean;
  readonly #own: OwnWrites;
  readonly #reads: ReadSet;
  readonly #assertUsable: () => void;
  readonly #gathered: GatheredGets | undefined;
  #openScans: Set<{ close(): void }> | undefined;

  constructor(parts: {
    readonly engine: ReadView;
    readonly remote: boolean;
    readonly own: OwnWrites;
    readonly reads: ReadSet;
    /** Throws when nothing may be read any more. */
    readonly assertUsable: () => void;
  }) {
    this.#engine = parts.engine;
    this.remote = parts.remote;
    this.#own = parts.own;
    this.#reads = parts.reads;
    this.#assertUsable = parts.assertUsable;
    this.#gathered = parts.remote ? new GatheredGets(parts.engine, { keeps: true }) : undefined;
  }

  get(key: Bytes): Awaitable<Bytes | undefined> {
    this.#assertUsable();
    const own = this.#own.answer(key);
    if (own === undefined) return this.#engineGet(key);
    const base = own.op === "merge" ? this.#engineGet(key) : undefined;
    return andThen(base, (found) => copyOfValue(valueAfter(own, found)));
  }

  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    this.#assertUsable();
    return this.#readOver(this.#own, key, decode);
  }

  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    this.#assertUsable();
    return this.#getManyOver(this.#own, keys);
  }

  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.#assertUsable();
    return this.#scanOver(this.#own.snapshot(), copyOfRange(range), options);
  }

  scanRefs(range: KeyRange, options: ScanOptions = {}): RefScan {
    this.#assertUsable();
    const fixed = copyOfRange(range);
    const withReferences = withValues(options);
    const own = this.#own.snapshot();
    const native = own.isEmpty ? this.#engine.scanRefs?.(fixed, withReferences) : undefined;
    if (native !== undefined) {
      const limit = options.limit ?? Infinity;
      const consumed = this.#consumedOf([fixed], options);
      return this.#opened(new RecordedRefScan(native, this, this.#reads, consumed, limit));
    }
    return new LookupRefScan(this.#scanOver(own, fixed, withReferences), {
      remote: this.remote,
      read: (key, decode) => this.#readOver(own, key, decode),
      getMany: (keys) => this.#getManyOver(own, keys),
    });
  }

  scanMany(ranges: readonly KeyRange[], options: MultiScanOptions = {}): MultiScan {
    this.#assertUsable();
    const fixed = ranges.map(copyOfRange);
    const own = this.#own.snapshot();
    const native = own.isEmpty ? this.#engine.scanMany?.(fixed, options) : undefined;
    if (native !== undefined) {
      const consumed = fixed.map((range) => this.#consumedOf([range], options));
      const limits = { all: options.limit ?? Infinity, each: options.limitEach ?? Infinity };
      return this.#opened(new RecordedMultiScan(native, this, consumed, limits));
    }
    return new ScanSequence((range, each) => this.#scanOver(own, range, each), fixed, options);
  }

  /** Ends all scans; what they have shown stays in the read set. */
  closeScans(): void {
    if (this.#openScans === undefined) return;
    for (const scan of this.#openScans) scan.close();
  }

  // ---------------------------------------------------------------- as the owner of scans

  assertOpen(): void {
    this.#assertUsable();
  }

  scanEnded(scan: { close(): void }): void {
    this.#openScans?.delete(scan);
  }

  // ---------------------------------------------------------------- one layer over the other

  #engineGet(key: Bytes): Awaitable<Bytes | undefined> {
    this.#reads.addKey(key, false);
    return this.#gathered === undefined ? this.#engine.get(key) : this.#gathered.get(copyKey(key));
  }

  #readOver<T>(own: OwnAnswers, key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    const write = own.answer(key);
    if (write === undefined && this.#gathered === undefined) {
      this.#reads.addKey(key, false);
      return this.#engine.read(key, decode);
    }
    const base = write === undefined || write.op === "merge" ? this.#engineGet(key) : undefined;
    return andThen(base, (found) => {
      const value = write === undefined ? found : valueAfter(write, found);
      return value === undefined ? undefined : decode(value, 0, value.length);
    });
  }

  #getManyOver(own: OwnAnswers, keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    if (own.isEmpty) {
      for (const key of keys) this.#reads.addKey(key, false);
      return this.#engine.getMany(keys);
    }
    const writes = keys.map((key) => own.answer(key));
    const asked = keys.filter((_, i) => needsBase(writes[i]));
    if (asked.length === 0)
      return writes.map((write) => copyOfValue(valueAfter(write!, undefined)));
    for (const key of asked) this.#reads.addKey(key, false);
    return andThen(this.#engine.getMany(asked), (bases) => {
      assert(bases.length === asked.length, "getMany answers every key it was asked");
      let next = 0;
      return writes.map((write) => {
        const base = needsBase(write) ? bases[next++] : undefined;
        return write === undefined ? base : copyOfValue(valueAfter(write, base));
      });
    });
  }

  /** The bytes of `range` must not change. */
  #scanOver(own: OwnWritesSnapshot, range: KeyRange, options: ScanOptions): Scan {
    const parts = isEmptyRange(range) ? [] : own.engineParts(range);
    const scan = new MergedScan({
      owner: this,
      rows: new EngineRows(this.#engine, parts, options),
      own: own.cursor(range, options.reverse ?? false),
      consumed: this.#consumedOf(parts, options),
      reverse: options.reverse ?? false,
      keysOnly: options.keysOnly ?? false,
      limit: options.limit ?? Infinity,
    });
    return this.#opened(scan);
  }

  #consumedOf(parts: readonly KeyRange[], options: ScanOptions): ConsumedRanges {
    return new ConsumedRanges(this.#reads, parts, options.reverse ?? false);
  }

  #opened<S extends { close(): void }>(scan: S): S {
    (this.#openScans ??= new Set()).add(scan);
    return scan;
  }
}

/** The engine's row matters: the key is untouched, or merged over what lies beneath. */
function needsBase(write: KeyWrite | undefined): boolean {
  return write === undefined || write.op === "merge";
}

/** What is handed out belongs to the caller (law 9); own writes must not change with it. */
function copyOfValue(value: Bytes | undefined): Bytes | undefined {
  return value === undefined ? undefined : copyKey(value);
}

export function copyOfRange(range: KeyRange): KeyRange {
  return {
    start: copyKey(range.start),
    end: range.end === undefined ? undefined : copyKey(range.end),
  };
}
