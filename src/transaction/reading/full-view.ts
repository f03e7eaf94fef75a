/**
 * A view with every way of reading: what the engine leaves out is made of scan, read and getMany, and where reading
 * costs a round trip the gets of one microtask turn share one.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import type {
  Decode,
  KeyRange,
  MultiScan,
  ReadView,
  RefScan,
  Scan,
  ScanOptions,
} from "../../engine/contract/index.ts";
import { GatheredGets } from "./gathered-gets.ts";
import { copyKey } from "./key-set.ts";
import { LookupRefScan } from "./ref-scan.ts";
import { ScanSequence } from "./scan-sequence.ts";
import type { MultiScanOptions } from "./scan-sequence.ts";

/** A ReadView that leaves nothing out. */
export interface FullView extends ReadView {
  /** A lookup costs a round trip. */
  readonly remote: boolean;
  scanMany(ranges: readonly KeyRange[], options?: MultiScanOptions): MultiScan;
  scanRefs(range: KeyRange, options?: ScanOptions): RefScan;
}

/** The view with what its engine leaves out; `remote` is the engine's capability. */
export function fullView(view: ReadView, remote: boolean): FullView {
  return new CompletedView(view, remote);
}

class CompletedView implements FullView {
  readonly remote: boolean;
  readonly #view: ReadView;
  readonly #gathered: GatheredGets | undefined;

  constructor(view: ReadView, remote: boolean) {
    this.#view = view;
    this.remote = remote;
    this.#gathered = remote ? new GatheredGets(view) : undefined;
  }

  get(key: Bytes): Awaitable<Bytes | undefined> {
    return this.#gathered === undefined ? this.#view.get(key) : this.#gathered.get(copyKey(key));
  }

  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    if (this.#gathered === undefined) return this.#view.read(key, decode);
    return andThen(this.get(key), (value) =>
      value === undefined ? undefined : decode(value, 0, value.length),
    );
  }

  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    return this.#view.getMany(keys);
  }

  scan(range: KeyRange, options?: ScanOptions): Scan {
    return this.#view.scan(range, options);
  }

  scanMany(ranges: readonly KeyRange[], options: MultiScanOptions = {}): MultiScan {
    const native = this.#view.scanMany?.(ranges, options);
    return native ?? new ScanSequence((range, each) => this.scan(range, each), ranges, options);
  }

  scanRefs(range: KeyRange, options: ScanOptions = {}): RefScan {
    const withReferences = withValues(options);
    const native = this.#view.scanRefs?.(range, withReferences);
    return native ?? new LookupRefScan(this.scan(range, withReferences), this);
  }
}

/** References stand in values, so a scan for them cannot leave the values out. */
export function withValues(options: ScanOptions): ScanOptions {
  return options.keysOnly === true ? { ...options, keysOnly: false } : options;
}
