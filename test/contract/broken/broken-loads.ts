/** A memory engine that loads by writing, and defects of that. */
import { compareBytes, hex } from "../../../src/base/index.ts";
import type { Awaitable, Bytes } from "../../../src/base/index.ts";
import type {
  BulkLoadOptions,
  CommitPlan,
  CommitResult,
} from "../../../src/engine/contract/index.ts";
import { WrappedEngine } from "./wrapped-engine.ts";
import type { PlainView, WrappedTransaction, WrappedView } from "./wrapped-engine.ts";

type Row = readonly [key: Bytes, value: Bytes];
type Rows = AsyncIterable<readonly Row[]>;

/** The plainest load: all rows in one commit. */
export class LoadingEngine extends WrappedEngine {
  protected hasLoaded = false;

  async load(rows: Rows, options: BulkLoadOptions = {}): Promise<void> {
    const all: Row[] = [];
    for await (const piece of rows) all.push(...piece);
    await this.put(all, options);
    this.hasLoaded = true;
  }

  protected async put(rows: readonly Row[], { requires = [] }: BulkLoadOptions): Promise<void> {
    const last = new Map(rows.map((row) => [hex(row[0], Infinity), row]));
    const ops = [...last.values()].map(([key, value]) => ({ op: "put", key, value }) as const);
    await this.inner.write({ ops, requires });
  }
}

/** A defect in which rows arrive. */
function rows(choose: (rows: readonly Row[], engine: WrappedEngine) => readonly Row[]) {
  return (): WrappedEngine =>
    new (class extends LoadingEngine {
      override put(all: readonly Row[], options: BulkLoadOptions): Promise<void> {
        return super.put(choose(all, this), options);
      }
    })();
}

class ShowsToOpenViews extends LoadingEngine {
  override viewOf(view: WrappedView): PlainView {
    return this.hasLoaded ? this.fresh() : super.viewOf(view);
  }
}

class EscapesValidation extends LoadingEngine {
  override apply(
    plan: CommitPlan,
    transaction: WrappedTransaction | undefined,
  ): Awaitable<CommitResult> {
    return super.apply(this.hasLoaded ? { ...plan, readRanges: [] } : plan, transaction);
  }
}

class EndsQuietly extends LoadingEngine {
  override async load(all: Rows, options?: BulkLoadOptions): Promise<void> {
    await super.load(all, options).catch(() => undefined);
  }
}

class LooksAtFirstRequirement extends LoadingEngine {
  override async load(all: Rows, { requires = [] }: BulkLoadOptions = {}): Promise<void> {
    await super.load(all, { requires: requires.slice(0, 1) });
  }
}

class RequiresTooLate extends LoadingEngine {
  override async load(all: Rows, { requires = [] }: BulkLoadOptions = {}): Promise<void> {
    await super.load(all);
    await this.inner.write({ ops: [], requires });
  }
}

export const brokenLoads: Readonly<Record<string, () => WrappedEngine>> = {
  "a load keeps the first of equal keys": rows((all) => all.toReversed()),
  "a load leaves out rows that do not come in order": rows((all) =>
    all.filter(([key], i) => i === 0 || compareBytes(all[i - 1]![0], key) <= 0),
  ),
  "a load keeps what was there before": rows((all, engine) => {
    const view = engine.fresh();
    return all.filter(([key]) => view.get(key) === undefined);
  }),
  "a load skips rows that are too large": rows((all, { limits }) =>
    all.filter(
      ([key, value]) => key.length <= limits.keyBytes && value.length <= limits.valueBytes,
    ),
  ),
  "a load ends quietly when its rows fail": () => new EndsQuietly(),
  "a load looks at the first of its requirements alone": () => new LooksAtFirstRequirement(),
  "a load looks at its requirements when its rows are there": () => new RequiresTooLate(),
  "open views see what is loaded": () => new ShowsToOpenViews(),
  "transactions are not validated against a load": () => new EscapesValidation(),
};
