/**
 * Runs a plan: documents in batches, as they are asked for. What the plan decided is done here and nothing is decided.
 *
 * Always true:
 * (1) Each document comes once: from the first branch whose filter it fits, at its lowest entry in the bounds; of a merge,
 *     at its place in the order. So nothing is remembered, and a plan run backwards gives the same documents in the
 *     opposite order.
 * (2) After the last document, and after close(), nothing is read any more.
 * (3) A batch is never empty.
 * (4) What is sorted is bounded in memory (sort/bounded-sorter.ts); documents that were not kept are read once more, from
 *     the same view. One that the transaction has deleted meanwhile is left out.
 * (5) A run that turns to another plan (Plan.instead) goes on behind the last row that it gave, in the same order.
 */
import { compareByteRanges, isPromise } from "../../base/index.ts";
import type { Awaitable, BatchCursor } from "../../base/index.ts";
import { InvalidQuery, compileFilter } from "../../collections/index.ts";
import type { CollectionStore, Document } from "../../collections/index.ts";
import type { Page } from "../../engine/contract/index.ts";
import type { FullView } from "../../transaction/index.ts";
import { partsOf } from "../plan/plan.ts";
import type { Access, Branch, IndexAccess, Plan } from "../plan/plan.ts";
import { conditionsOf } from "../plan/filter-sets.ts";
import { orderText } from "../plan/order.ts";
import { suggestedIndexes } from "../plan/suggestion.ts";
import { SortTooLarge } from "../query-error.ts";
import { BoundedSorter } from "../sort/bounded-sorter.ts";
import type { PlacedRows, SortedRows } from "../sort/bounded-sorter.ts";
import { openBranch } from "./branch-reader.ts";
import type { BranchOptions, BranchReader, ReadCounts } from "./branch-reader.ts";
import type { Predicate } from "../query-request.ts";
import type { Beyond, Cut } from "./clip-plan.ts";
import { firstEntryKey } from "./entry-key.ts";
import { MergeReader } from "./merge-reader.ts";
import type { MergedPart } from "./merge-reader.ts";
import { comparePlaces, orderValues } from "./sort-rows.ts";

type Test = (document: Document) => boolean;

/** Where a plan runs. */
export interface RunGround {
  readonly view: FullView;
  readonly store: CollectionStore;
  readonly counts: ReadCounts;
  /** Default SORT_BYTES_MAX. */
  readonly sortBytesMax?: number | undefined;
}

/** Some hundred thousand small documents, or a million and a half of their places. */
const SORT_BYTES_MAX: number = 64 * 1_024 * 1_024;
/** Each part of a merge may be asked for so many rows at once; where more are wanted it gives pages that grow. */
const MERGED_AT_ONCE_MAX = 64;
/** So many documents are read again at once. */
const READ_AGAIN = 256;

export class PlanCursor implements BatchCursor<Document> {
  readonly #plan: Plan;
  readonly #ground: RunGround;
  readonly #view: FullView;
  readonly #store: CollectionStore;
  readonly #counts: ReadCounts;
  /** In the order in which they are read; what stands together is merged. */
  readonly #steps: readonly (readonly Branch[])[];
  /** What is checked whatever the branch. */
  readonly #common: readonly Test[];
  /** How many keys may be read before the plan is given up for another one. */
  readonly #keysMax: number;
  /** Behind which row the other plan would begin. */
  #start: Beyond | undefined;
  #successor: PlanCursor | undefined;
  readonly #sorter: BoundedSorter | undefined;
  /** What the sorter gave, and how many rows of it have been given on. */
  #sorted: SortedRows | undefined;
  #sortedGiven = 0;
  #step = 0;
  #reader: BranchReader | undefined;
  #test: Test | undefined;
  #left: number;
  #closed = false;

  constructor(plan: Plan, cut: Cut | undefined, ground: RunGround) {
    const { counts, sortBytesMax = SORT_BYTES_MAX, store } = ground;
    this.#plan = plan;
    this.#ground = ground;
    this.#view = ground.view;
    this.#store = store;
    this.#counts = counts;
    const branches = plan.backward ? plan.branches.toReversed() : plan.branches;
    this.#steps = plan.sort === "merge" ? [branches] : branches.map((branch) => [branch]);
    this.#common = [
      ...plan.predicates.map((predicate) => predicateTest(plan.collection, predicate)),
      ...(cut?.beyond === undefined ? [] : [testBeyond(plan, cut.beyond)]),
    ];
    this.#start = cut?.start;
    this.#keysMax = counts.keys + (plan.instead?.afterKeys ?? Infinity);
    this.#left = plan.limit ?? Infinity;
    const bound = {
      bytesMax: sortBytesMax,
      tooLarge: (rows: number) => sortTooLarge(plan, store, rows, sortBytesMax),
    };
    this.#sorter =
      plan.sort === "memory" ? new BoundedSorter(plan.order!, plan.limit, bound) : undefined;
  }

  next(): Awaitable<readonly Document[] | undefined> {
    for (;;) {
      if (this.#counts.keys >= this.#keysMax && this.#left > 0) this.#turn();
      if (this.#successor !== undefined) return this.#successor.next();
      const reader = this.#open();
      if (reader === undefined) return this.#end();
      const batch = reader.next();
      if (isPromise(batch)) {
        return batch.then((arrived) => this.#take(arrived) ?? this.next());
      }
      const taken = this.#take(batch);
      if (taken !== undefined) return taken;
    }
  }

  close(): void {
    this.#closed = true;
    this.#reader?.close();
    this.#reader = undefined;
    this.#successor?.close();
  }

  /** The limit is not near, although so much was read that it was to be: the rest comes by the other plan. */
  #turn(): void {
    const start = this.#start;
    if (this.#closed || this.#successor !== undefined) return;
    this.#reader?.close();
    const plan = { ...this.#plan.instead!.plan, limit: this.#left };
    this.#successor = new PlanCursor(plan, { beyond: start, start }, this.#ground);
  }

  /** The reader of the branch that is being read; undefined behind the last one. */
  #open(): BranchReader | undefined {
    if (this.#closed || this.#left === 0) return undefined;
    if (this.#reader !== undefined) return this.#reader;
    const branches = this.#steps[this.#step];
    if (branches === undefined) return undefined;
    if (this.#plan.sort === "merge") {
      this.#test = allOf(this.#common);
      this.#reader = new MergeReader(
        branches.flatMap((branch) => this.#mergedParts(branch)),
        this.#plan.order!,
      );
    } else {
      const [branch] = branches as readonly [Branch];
      const { access } = branch;
      const own = testsOf(branch);
      const keeps =
        access.kind === "index" && access.firstIn !== undefined
          ? firstEntryTest(access)
          : undefined;
      this.#test = allOf([...own, ...this.#common]);
      const isExact = own.length === 0 && keeps === undefined;
      const wanted = (): number => (isExact ? this.#wanted() : Infinity);
      this.#reader = this.#openAccess(branch, access, { wanted, keeps });
    }
    return this.#reader;
  }

  #mergedParts(branch: Branch): readonly MergedPart[] {
    const tests = testsOf(branch);
    const test = allOf(tests);
    const wanted = (): number =>
      test === undefined && this.#left <= MERGED_AT_ONCE_MAX ? this.#wanted() : Infinity;
    return partsOf(branch.access).map((part) => ({
      reader: this.#openAccess(branch, part, { wanted, keeps: undefined }),
      test,
      fixed: part.fixed,
    }));
  }

  #openAccess(
    { turned }: Branch,
    access: Access,
    options: Pick<BranchOptions, "wanted" | "keeps">,
  ): BranchReader {
    return openBranch(access, this.#view, this.#store, this.#counts, {
      ...options,
      backward: this.#plan.backward !== turned,
      all: this.#plan.limit === undefined || this.#sorter !== undefined,
    });
  }

  /** Most rows that can still be used, of a scan that gives nothing else. */
  #wanted(): number {
    return this.#common.length === 0 && this.#sorter === undefined ? this.#left : Infinity;
  }

  /** The batch as far as it is wanted; undefined if nothing of it is. */
  #take(batch: readonly Document[] | undefined): readonly Document[] | undefined {
    if (this.#closed) return undefined;
    if (batch === undefined) {
      this.#reader = undefined;
      this.#step++;
      return undefined;
    }
    const test = this.#test;
    const fitting = test === undefined ? batch : batch.filter((document) => test(document));
    if (this.#sorter !== undefined) {
      for (const document of fitting) this.#sorter.add(document);
      return undefined;
    }
    if (fitting.length === 0) return undefined;
    const taken = fitting.length > this.#left ? fitting.slice(0, this.#left) : fitting;
    this.#left -= taken.length;
    if (this.#plan.instead !== undefined) {
      const last = taken.at(-1)!;
      const values = orderValues(this.#plan.order!, last);
      this.#start = { place: { values, id: last.id }, inclusive: false };
    }
    if (this.#left === 0) this.#reader?.close();
    return taken;
  }

  /** All was read: what had to be sorted comes now, in one batch if it was kept. */
  #end(): Awaitable<readonly Document[] | undefined> {
    if (this.#closed || this.#sorter === undefined || this.#left === 0) return undefined;
    this.#sorted ??= this.#sorter.finish();
    if ("idAt" in this.#sorted) return this.#readAgain(this.#sorted);
    this.#left = 0;
    const { documents } = this.#sorted;
    return documents.length === 0 ? undefined : documents;
  }

  /** The next documents of those that were sorted by their places alone. */
  #readAgain(sorted: PlacedRows): Awaitable<readonly Document[] | undefined> {
    const given = this.#sortedGiven;
    const count = Math.min(sorted.count - given, READ_AGAIN);
    if (count === 0) {
      this.#left = 0;
      return undefined;
    }
    this.#sortedGiven += count;
    const ids = Array.from({ length: count }, (_, i) => sorted.idAt(given + i));
    const take = (
      found: readonly (Document | undefined)[],
    ): Awaitable<readonly Document[] | undefined> => {
      const documents = found.filter((document) => document !== undefined);
      this.#counts.keys += count;
      this.#counts.documents += documents.length;
      if (this.#closed) return undefined;
      return documents.length > 0 ? documents : this.#readAgain(sorted);
    };
    const found = this.#store.getMany(this.#view, ids);
    return isPromise(found) ? found.then(take) : take(found);
  }
}

/** What has to be checked on each document that the branch reads. */
function testsOf({ except, residual }: Branch): readonly Test[] {
  const own = residual.kind === "all" ? [] : [compileFilter(residual)];
  const others = except.map((filter) => compileFilter(filter));
  return [
    ...own,
    ...others.map(
      (fits): Test =>
        (document) =>
          !fits(document),
    ),
  ];
}

function allOf(tests: readonly Test[]): Test | undefined {
  if (tests.length < 2) return tests[0];
  return (document) => tests.every((test) => test(document));
}

function sortTooLarge(
  { collection, filter, order }: Plan,
  store: CollectionStore,
  rows: number,
  bytesMax: number,
): SortTooLarge {
  const { indexes } = store.layout();
  return new SortTooLarge(
    collection,
    { order: orderText(order!), rows, bytesMax },
    suggestedIndexes(conditionsOf(filter), order, indexes),
  );
}

/** A promise is true to the language, whatever it will say; taken so it would make the result wider. */
export function predicateTest(collection: string, predicate: Predicate): Test {
  return (document) => {
    const answer: unknown = predicate(document);
    if (!isThenable(answer)) return Boolean(answer);
    // The refusal is what the caller hears; a later failure of the promise would be nobody's and end the process.
    answer.then(undefined, () => undefined);
    throw new InvalidQuery(collection, "a JavaScript condition answers at once, not by a promise");
  };
}

/** Promises of other realms and of libraries are none of the language's own class. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === "function"
  );
}

function testBeyond({ order }: Plan, { place, inclusive }: Beyond): Test {
  return (document) => {
    const at = { values: orderValues(order!, document), id: document.id };
    const difference = comparePlaces(order!, at, place);
    return difference === 0 ? inclusive : difference > 0;
  };
}

/** Is an entry the lowest one in the bounds that its document has? Then the document is given for this one. */
function firstEntryTest(
  access: IndexAccess,
): (document: Document, page: Page, row: number) => boolean {
  const first = firstEntryKey(access);
  return (document, { buffer, keyStart, keyEnd }, row) => {
    const key = first(document);
    if (key === undefined) return false;
    return compareByteRanges(key, 0, key.length, buffer, keyStart[row]!, keyEnd[row]!) === 0;
  };
}
