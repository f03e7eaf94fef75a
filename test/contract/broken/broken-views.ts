/** Defects of views: which state is read, in which order, into whose bytes (laws 1, 2, 3, 9, 11 and 12). */
import { compareBytes, concatBytes, copyBytes, hex, nextKey } from "../../../src/base/index.ts";
import type { Awaitable, Bytes } from "../../../src/base/index.ts";
import type {
  BlindPlan,
  CommitPlan,
  CommitResult,
  Decode,
  KeyRange,
  Page,
  Scan,
  ScanOptions,
  Snapshot,
} from "../../../src/engine/contract/index.ts";
import { arrangedScan, changedScan, pageOfRows, rowsOfPage } from "./page-rows.ts";
import { WrappedEngine, WrappedTransaction } from "./wrapped-engine.ts";
import type { PlainView, WrappedView } from "./wrapped-engine.ts";

/** A defect of scans. */
function scans(
  change: (engine: WrappedEngine, view: PlainView, range: KeyRange, options: ScanOptions) => Scan,
): () => WrappedEngine {
  return () =>
    new (class extends WrappedEngine {
      override scan(view: WrappedView, range: KeyRange, options: ScanOptions): Scan {
        return change(this, this.viewOf(view), range, options);
      }
    })();
}

/** A defect of the state that a view reads. A view that has ended still fails. */
function states(
  choose: (engine: WrappedEngine, view: WrappedView) => PlainView,
): () => WrappedEngine {
  return () =>
    new (class extends WrappedEngine {
      override viewOf(view: WrappedView): PlainView {
        if (view instanceof WrappedTransaction && view.ended) return view.inner;
        return choose(this, view);
      }
    })();
}

function sorted(compare: (a: Bytes, b: Bytes) => number): () => WrappedEngine {
  return scans((_, view, range, options) => {
    const { limit, ...others } = options;
    return arrangedScan(view.scan(range, { ...others, keysOnly: false }), options, (rows) => {
      rows.sort((a, b) => (options.reverse === true ? -1 : 1) * compare(a.key, b.key));
      return rows.slice(0, limit);
    });
  });
}

const signed = (byte: number | undefined): number => ((byte ?? -1000) << 24) >> 24;

function compareSigned(a: Bytes, b: Bytes): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  if (at < 0 || at >= b.length) return compareBytes(a, b);
  return signed(a[at]) - signed(b[at]);
}

/** Read-only transactions read what was newest before the last commit. */
class LagsBehind extends WrappedEngine {
  #before: PlainView | undefined;
  override viewOf(view: WrappedView): PlainView {
    const lags = view instanceof WrappedTransaction && view.options.readOnly === true;
    return lags && !view.ended && view.reads === 1 ? (this.#before ?? view.inner) : view.inner;
  }
  override apply(
    plan: CommitPlan,
    transaction: WrappedTransaction | undefined,
  ): Awaitable<CommitResult> {
    if (plan.ops.length > 0) this.#before = this.inner.snapshot() as Snapshot & PlainView;
    return super.apply(plan, transaction);
  }
}

/** get answers with bytes of a cache that callers can write into. */
class HandsOutItsOwnBytes extends WrappedEngine {
  readonly #cache = new Map<string, Bytes>();
  override get(view: WrappedView, key: Bytes): Bytes | undefined {
    const value = this.viewOf(view).get(key);
    const cached = this.#cache.get(hex(key));
    if (value !== undefined && cached?.length === value.length) return cached;
    if (value !== undefined) this.#cache.set(hex(key), value);
    return value;
  }
  override getMany(view: WrappedView, keys: readonly Bytes[]): (Bytes | undefined)[] {
    return keys.map((key) => this.get(view, key));
  }
}

/** Values are those that the caller's bytes hold now. */
class KeepsBytesHandedIn extends WrappedEngine {
  readonly #kept: { readonly key: Bytes; readonly value: Bytes; readonly original: Bytes }[] = [];
  override write(plan: BlindPlan): Awaitable<CommitResult> {
    for (const op of plan.ops) {
      if (op.op !== "put" || op.value.length > 1_000) continue;
      this.#kept.push({ key: copyBytes(op.key), value: op.value, original: copyBytes(op.value) });
    }
    return super.write(plan);
  }
  override viewOf(view: WrappedView): PlainView {
    for (const { key, original, value } of this.#kept) {
      if (compareBytes(value, original) !== 0) {
        void this.inner.write({ ops: [{ op: "put", key, value }], requires: [] });
      }
    }
    return view.inner;
  }
}

const shared = new Uint8Array(4 << 20);

export const brokenViews: Readonly<Record<string, () => WrappedEngine>> = {
  "each read sees the newest state": states((engine) => engine.fresh()),
  "the view is fixed by its second read only": states((engine, view) =>
    view.reads === 1 ? engine.fresh() : view.inner,
  ),
  "scans see the newest state, gets do not": () =>
    new (class extends WrappedEngine {
      override scan(view: WrappedView, range: KeyRange, options: ScanOptions): Scan {
        view.inner.getMany([]);
        return this.fresh().scan(range, options);
      }
    })(),
  "the view is fixed by begin": () =>
    new (class extends WrappedEngine {
      override begin(options = {}): Awaitable<WrappedTransaction> {
        const transaction = super.begin(options) as Awaitable<WrappedTransaction>;
        if (transaction instanceof WrappedTransaction) transaction.inner.getMany([]);
        return transaction;
      }
    })(),
  "a snapshot follows the newest state": states((engine, view) => {
    if (view instanceof WrappedTransaction) return view.inner;
    view.inner.getMany([]);
    return engine.fresh();
  }),
  "read-only transactions lag one commit behind": () => new LagsBehind(),
  "only the newest twenty views keep their state": () => {
    const open: WrappedView[] = [];
    return states((engine, view) => {
      if (!open.includes(view)) open.push(view);
      return open.indexOf(view) < open.length - 20 ? engine.fresh() : view.inner;
    })();
  },
  "keys sort as signed bytes": sorted(compareSigned),
  "keys sort by their length first": sorted((a, b) => a.length - b.length || compareBytes(a, b)),
  "a reverse scan leaves out the start of its range": scans((_, view, range, options) =>
    view.scan(
      options.reverse === true ? { ...range, start: nextKey(range.start) } : range,
      options,
    ),
  ),
  "a scan includes the end of its range": scans((_, view, range, options) =>
    view.scan({ ...range, end: range.end && nextKey(range.end) }, options),
  ),
  "the limit of a scan is ignored": scans((_, view, range, { limit, ...options }) => {
    void limit;
    return view.scan(range, options);
  }),
  "keysOnly is ignored": scans((_, view, range, options) =>
    view.scan(range, { ...options, keysOnly: false }),
  ),
  "each page but the first begins one row late": scans((_, view, range, options) =>
    changedScan(view.scan(range, options), (page, first) =>
      first ? page : pageOfRows(rowsOfPage(page).slice(1), page.done, options),
    ),
  ),
  "pages share one buffer": scans((_, view, range, options) =>
    changedScan(view.scan(range, options), (page) => {
      if (page.buffer.length > shared.length) return page;
      shared.set(page.buffer);
      return { ...page, buffer: shared };
    }),
  ),
  "a page without rows comes first": scans((_, view, range, options) => {
    const scan = view.scan(range, options);
    let first = true;
    const next = (): Awaitable<Page> => {
      if (!first) return scan.next();
      first = false;
      return pageOfRows([], false, options);
    };
    return { next, close: () => scan.close() };
  }),
  "a scan that was closed goes on": scans((_, view, range, options) => {
    const scan = view.scan(range, options);
    return { next: () => scan.next(), close() {} };
  }),
  "a scan keeps the bounds it was given by reference": scans((_, view, range, options) => {
    let scan: Scan | undefined;
    return {
      next: () => (scan ??= view.scan(range, options)).next(),
      close: () => (scan ??= view.scan(range, options)).close(),
    };
  }),
  "the scans of a view share their place": () => {
    const scan = new WeakMap<PlainView, Scan>();
    return scans((_, view, range, options) => {
      if (options.limit !== undefined || options.expect !== undefined) {
        return view.scan(range, options);
      }
      const open = scan.get(view) ?? view.scan(range, options);
      scan.set(view, open);
      return {
        next: () => open.next(),
        close() {
          open.close();
          scan.delete(view);
        },
      };
    })();
  },
  "values beyond 64 KiB are cut": () =>
    new (class extends WrappedEngine {
      override plan(plan: CommitPlan): CommitPlan {
        const ops = plan.ops.map((op) =>
          op.op === "put" && op.value.length <= this.limits.valueBytes
            ? { ...op, value: op.value.subarray(0, 65_536) }
            : op,
        );
        return { ...plan, ops };
      }
    })(),
  "an empty value counts as absent": () =>
    new (class extends WrappedEngine {
      override get(view: WrappedView, key: Bytes): Bytes | undefined {
        const value = this.viewOf(view).get(key);
        return value?.length === 0 ? undefined : value;
      }
    })(),
  "an absent key reads as empty": () =>
    new (class extends WrappedEngine {
      override getMany(view: WrappedView, keys: readonly Bytes[]): Bytes[] {
        return this.viewOf(view)
          .getMany(keys)
          .map((value) => value ?? new Uint8Array(0));
      }
    })(),
  "getMany answers each key once": () =>
    new (class extends WrappedEngine {
      override getMany(view: WrappedView, keys: readonly Bytes[]): (Bytes | undefined)[] {
        const once = new Map(keys.map((key) => [hex(key), key]));
        return this.viewOf(view).getMany([...once.values()]);
      }
    })(),
  "read hands over the wrong place": () =>
    new (class extends WrappedEngine {
      override read<T>(view: WrappedView, key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
        return this.viewOf(view).read(key, (buffer, start, end) => {
          const moved = concatBytes(new Uint8Array(1), buffer.subarray(start, end));
          return decode(moved, 0, end - start);
        });
      }
    })(),
  "get answers with something that is no Promise": () =>
    new (class extends WrappedEngine {
      override get(view: WrappedView, key: Bytes): Awaitable<Bytes | undefined> {
        const real = Promise.resolve(this.viewOf(view).get(key));
        // oxlint-disable-next-line unicorn/no-thenable -- the defect
        return { then: real.then.bind(real) } as unknown as Promise<Bytes | undefined>;
      }
    })(),
  "an estimate is the distance of two places": () =>
    new (class extends WrappedEngine {
      estimateRows({ start, end }: KeyRange): number {
        const before = (key: Bytes): number =>
          this.inner.estimateRows({ start: new Uint8Array(0), end: key });
        return (end === undefined ? 1_000 : before(end)) - before(start);
      }
    })(),
  "values handed out are the engine's own": () => new HandsOutItsOwnBytes(),
  "bytes handed in are kept by reference": () => new KeepsBytesHandedIn(),
};
