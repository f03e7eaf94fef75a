/**
 * From a query to its plan. Pure and deterministic: the same request on the same collection gives the same plan, whatever
 * the data. There are no statistics; these laws decide:
 *
 *  (1) A filter that cannot hold reads nothing.
 *  (2) The index that the caller names is used. Its bounds are conditions like those of the filter.
 *  (3) Best are ids that the filter lists: they are read directly. Then a unique index with one value for each field.
 *  (4) Then an index with values, or lists of values, for its leading fields; the more fields the better. An index over
 *      part of the documents counts as one field more if the filter asks for that part.
 *  (5) Then an index with a range on its first field, or a range of ids. What `not equal` leaves is not enough to choose
 *      an index for, though it narrows one that is chosen.
 *  (6) Then, if there is a limit, an index that gives the order.
 *  (7) Else all documents are read.
 *  (8) An `or` is answered by the union of its branches if the worst of them stands on a better law than anything else,
 *      and on law (5) at least.
 *  (9) Between equals: who has a range on the next field, who gives the order, who is covered, who has fewer fields, who
 *      was declared first.
 * (10) Unions within unions multiply. What is left of the effort (LOOKS_FREE) decides how far they are followed; where it
 *      ends, the condition is checked on the documents. So planning takes time in proportion to the filter.
 */
import type {
  CollectionDefinition,
  CollectionLayout,
  FilterNode,
  Scalar,
} from "../../collections/index.ts";
import { compareIds } from "../id-order.ts";
import type { QueryRequest } from "../query-request.ts";
import {
  boundCandidate,
  candidateOf,
  conjunction,
  elementsFor,
  isSinglePoint,
  narrows,
} from "./candidate.ts";
import type { Candidate, Question } from "./candidate.ts";
import { conditionsOf } from "./filter-sets.ts";
import type { Condition } from "./filter-sets.ts";
import { idBounds } from "./id-bounds.ts";
import { directionOfDocuments, orderOf } from "./order.ts";
import type { Order, ScanDirection } from "./order.ts";
import type { Branch, Plan } from "./plan.ts";
import { suggestedIndexes } from "./suggestion.ts";
import {
  EVERYTHING,
  classSet,
  intersect,
  intersectAll,
  isPoint,
  pointOf,
  pointSet,
} from "./value-set.ts";
import type { ValueSet } from "./value-set.ts";

/** What the planner knows of a collection. */
export interface QueryTarget {
  readonly definition: CollectionDefinition;
  readonly layout: CollectionLayout;
}

/** A document of a union is held against the filters of all branches before, so they must not be too many. */
const UNION_BRANCHES_MAX = 64;

/**
 * How much work unions may cost, in looks: one look is one node or value of a filter, held against one index. Any plan
 * that people write by hand takes some hundreds. The free ones take less than 100 ms; the others let a filter of
 * thousands of conditions have a union too, and keep the whole in proportion to the filter.
 */
const LOOKS_FREE = 50_000;
const LOOKS_FOR_EACH = 16;
/** The first of many `or` gets this part of the effort at least, so that it can be finished. */
const UNIONS_SHARING_MAX = 8;

/** What the search for unions may still cost; the only thing of a planning that changes. */
class Effort {
  #looks: number;

  constructor(looks: number) {
    this.#looks = looks;
  }

  /** Takes the looks; false if they are not there. */
  take(looks: number): boolean {
    if (looks > this.#looks) return false;
    this.#looks -= looks;
    return true;
  }

  /** Does a piece of work with one of `parts` equal parts; what it leaves over comes back. */
  lend<A>(parts: number, work: (effort: Effort) => A): A {
    const lent = Math.floor(this.#looks / parts);
    const effort = new Effort(lent);
    const result = work(effort);
    this.#looks -= lent - effort.#looks;
    return result;
  }
}

/** Which law an answer stands on; the higher the better. */
const RANK = { ids: 6, single: 5, values: 4, range: 3, order: 2, scan: 1 } as const;

/** A way to answer, with what decides between ways. */
interface Way {
  readonly branches: readonly Branch[];
  readonly rank: number;
  readonly direction: ScanDirection | undefined;
}

export function choosePlan(request: QueryRequest, target: QueryTarget): Plan {
  const order = orderOf(request);
  const way = request.limit === 0 ? NO_WAY : chosenWay(request, order, target);
  return planOf(request, order, way, target);
}

/** Law 1. */
const NO_WAY: Way = Object.freeze({ branches: [], rank: RANK.ids, direction: undefined });

function chosenWay(request: QueryRequest, order: Order | undefined, target: QueryTarget): Way {
  const given = request.index === undefined ? NO_SETS : setsOfRequest(request, target);
  const conditions = conditionsOf(request.filter);
  const question = questionOf(conditions, request.filter, order, request, target, given);
  if (question === undefined) return NO_WAY;
  if (request.index !== undefined) return namedWay(request.index.name, question, given, target);
  const effort = new Effort(LOOKS_FREE + LOOKS_FOR_EACH * looksAt(question.size, target));
  return bestWay(question, request, target, effort);
}

/** What it costs to look at conditions of so many nodes and values: for the documents, and for each index. */
function looksAt(size: number, { layout }: QueryTarget): number {
  return size * (1 + layout.indexes.length);
}

const NO_SETS: ReadonlyMap<string, ValueSet> = new Map();

/** The values that the caller gave for the fields of an index, by path. */
function setsOfRequest(request: QueryRequest, target: QueryTarget): ReadonlyMap<string, ValueSet> {
  const { name, prefix, range } = request.index!;
  const { fields } = target.layout.indexes.find((index) => index.name === name)!;
  const sets = new Map<string, ValueSet>();
  prefix.forEach((value, i) => sets.set(fields[i]!.path.text, pointSet([value])));
  if (range !== EVERYTHING) sets.set(fields[prefix.length]!.path.text, range);
  return sets;
}

/** Puts conditions together; undefined if they cannot all hold. `filter` is the same as one node. */
function questionOf(
  conditions: readonly Condition[],
  filter: FilterNode,
  order: Order | undefined,
  request: QueryRequest,
  target: QueryTarget,
  given: ReadonlyMap<string, ValueSet>,
): Question | undefined {
  const said = new Map<string, ValueSet[]>();
  for (const [path, set] of given) said.set(path, [set]);
  for (const { node, path, set } of conditions) {
    if (node.kind === "none") return undefined;
    if (path === undefined) continue;
    const before = said.get(path.text);
    if (before === undefined) said.set(path.text, [set!]);
    else before.push(set!);
  }
  const sets = new Map<string, ValueSet>();
  const fixed = new Map<string, Scalar>();
  for (const [path, all] of said) {
    const set = intersectAll([EVERYTHING, ...all]);
    if (set.length === 0) return undefined;
    sets.set(path, set);
    if (isSinglePoint(set)) fixed.set(path, pointOf(set[0]!));
  }
  return {
    filter,
    conditions,
    size: conditions.reduce((sum, { size }) => sum + size, 0),
    sets,
    fixed,
    order,
    select: request.select,
    shape: target.definition.schema.shape,
    wholeDocuments: request.predicates.length > 0,
  };
}

/** Law 2. */
function namedWay(
  name: string,
  question: Question,
  given: ReadonlyMap<string, ValueSet>,
  target: QueryTarget,
): Way {
  const index = target.layout.indexes.find((candidate) => candidate.name === name)!;
  const found = elementsFor(index, question);
  const elements = found === "missing" ? undefined : found;
  const list = index.fields.find(({ path }) => path.each)?.path.text;
  // Two elements may satisfy the caller's bound and the filter, so the two are never intersected.
  const named = list === undefined ? undefined : given.get(list);
  const sets = index.fields.map(({ path }) => {
    if (!path.each) return question.sets.get(path.text);
    return named ?? elements?.said.set;
  });
  return wayOf(
    boundCandidate(index, question, sets, named === undefined ? elements : undefined),
    question,
    true,
  );
}

/** Laws 3 to 9. */
function bestWay(
  question: Question,
  request: QueryRequest,
  target: QueryTarget,
  effort: Effort,
): Way {
  const documents = documentsWay(question, target);
  if (documents.rank === RANK.ids) return documents;
  const best = bestCandidate(question, request, target);
  const single = best === undefined ? undefined : wayOf(best, question, false);
  const alone = single !== undefined && single.rank >= documents.rank ? single : documents;
  if (alone.rank >= RANK.single) return alone;
  const union = unionWay(question, request, target, effort);
  return union !== undefined && union.rank > alone.rank ? union : alone;
}

/** Reads the documents by their ids, or all of them. */
function documentsWay(question: Question, { layout }: QueryTarget): Way {
  const { order } = question;
  const direction = order === undefined ? undefined : directionOfDocuments(order, question.fixed);
  const ids = question.sets.get("id");
  const strings = ids === undefined ? undefined : intersect(ids, classSet("string"));
  const residual = conjunction(
    question.conditions.filter(({ path }) => path?.text !== "id").map(({ node }) => node),
  );
  if (strings?.every(isPoint) === true) {
    const listed = strings.map((point) => pointOf(point) as string).toSorted(compareIds);
    const access = Object.freeze({ kind: "get", ids: Object.freeze(listed) } as const);
    return { branches: [branch(access, residual, question)], rank: RANK.ids, direction };
  }
  if (strings !== undefined && narrows(ids!)) {
    const bounds = idBounds(layout.documents.start, strings);
    const access = Object.freeze({ kind: "scan", whole: false, bounds } as const);
    return { branches: [branch(access, residual, question)], rank: RANK.range, direction };
  }
  const bounds = [{ range: layout.documents, text: "" }];
  const access = Object.freeze({ kind: "scan", whole: true, bounds } as const);
  const all = conjunction(question.conditions.map(({ node }) => node));
  return { branches: [branch(access, all, question)], rank: RANK.scan, direction };
}

function bestCandidate(
  question: Question,
  request: QueryRequest,
  target: QueryTarget,
): Candidate | undefined {
  let best: Candidate | undefined;
  for (const index of target.layout.indexes) {
    const candidate = candidateOf(index, question);
    if (candidate === undefined) continue;
    const rank = rankOf(candidate);
    if (rank < RANK.order || (rank === RANK.order && request.limit === undefined)) continue;
    if (best === undefined || isBetter(candidate, best)) best = candidate;
  }
  return best;
}

function rankOf(candidate: Candidate): number {
  if (candidate.single) return RANK.single;
  if (worthInFields(candidate) > 0) return RANK.values;
  if (candidate.hasRange) return RANK.range;
  return candidate.direction === undefined ? RANK.scan : RANK.order;
}

/** Law 4. */
function worthInFields({ equalities, access }: Candidate): number {
  return equalities + (access.index.where === undefined ? 0 : 1);
}

/** Laws 3 to 6 and 9; of equals the first stays. */
function isBetter(a: Candidate, b: Candidate): boolean {
  const difference =
    rankOf(a) - rankOf(b) ||
    worthInFields(a) - worthInFields(b) ||
    Number(a.hasRange) - Number(b.hasRange) ||
    Number(a.direction !== undefined) - Number(b.direction !== undefined) ||
    Number(a.access.covered) - Number(b.access.covered) ||
    b.access.index.fields.length - a.access.index.fields.length;
  return difference > 0;
}

function wayOf(candidate: Candidate, question: Question, named: boolean): Way {
  return {
    branches: [branch(candidate.access, candidate.residual, question)],
    rank: named ? RANK.single : rankOf(candidate),
    direction: candidate.direction,
  };
}

/** Law 8: the `or` whose worst branch is best. */
function unionWay(
  question: Question,
  request: QueryRequest,
  target: QueryTarget,
  effort: Effort,
): Way | undefined {
  let best: Way | undefined;
  const choices = question.conditions.filter(({ node }) => node.kind === "or");
  for (const [i, condition] of choices.entries()) {
    const sharing = Math.min(choices.length - i, UNIONS_SHARING_MAX);
    const union = effort.lend(sharing, (part) =>
      unionOf(condition, question, request, target, part),
    );
    if (union !== undefined && (best === undefined || union.rank > best.rank)) best = union;
  }
  return best;
}

function unionOf(
  condition: Condition,
  question: Question,
  request: QueryRequest,
  target: QueryTarget,
  effort: Effort,
): Way | undefined {
  if (condition.node.kind !== "or") return undefined;
  const { nodes } = condition.node;
  const branches: Branch[] = [];
  let rank: number = RANK.ids;
  for (const [i, node] of nodes.entries()) {
    const sharing = Math.min(nodes.length - i, UNION_BRANCHES_MAX);
    const way = effort.lend(sharing, (part) =>
      partWay(node, condition, question, request, target, part),
    );
    if (way === undefined) return undefined;
    if (way === NO_WAY) continue;
    rank = Math.min(rank, way.rank);
    for (const found of way.branches)
      branches.push(Object.freeze({ ...found, except: branches.map((before) => before.filter) }));
    if (rank < RANK.range || branches.length > UNION_BRANCHES_MAX) return undefined;
  }
  return { branches, rank, direction: undefined };
}

/** One node of an `or` together with all other conditions; undefined if the effort does not suffice. */
function partWay(
  node: FilterNode,
  condition: Condition,
  question: Question,
  request: QueryRequest,
  target: QueryTarget,
  effort: Effort,
): Way | undefined {
  const own = conditionsOf(node);
  const size = own.reduce((sum, inner) => sum + inner.size, question.size - condition.size);
  if (!effort.take(looksAt(size, target))) return undefined;
  const conditions = [...question.conditions.filter((other) => other !== condition), ...own];
  const filter = conjunction(conditions.map((inner) => inner.node));
  // Branches come one after the other: none of them has to be covered or in order.
  const asked = { ...request, limit: undefined, select: undefined };
  const part = questionOf(conditions, filter, undefined, asked, target, NO_SETS);
  return part === undefined ? NO_WAY : bestWay(part, asked, target, effort);
}

function branch(access: Branch["access"], residual: FilterNode, question: Question): Branch {
  return Object.freeze({ access, residual, filter: question.filter, except: [] });
}

function planOf(
  request: QueryRequest,
  order: Order | undefined,
  { branches, rank, direction }: Way,
  target: QueryTarget,
): Plan {
  const inOrder = direction !== undefined || branches.length === 0;
  const sort = order === undefined ? "none" : inOrder ? "index" : "memory";
  const checks =
    request.predicates.length > 0 || branches.some(({ residual }) => residual.kind !== "all");
  const sortsForFew = sort === "memory" && request.limit !== undefined;
  const fullScan = rank <= RANK.order && (checks || sortsForFew);
  const isHelpless = (fullScan || sortsForFew) && request.index === undefined;
  const suggestion = isHelpless
    ? suggestedIndexes(conditionsOf(request.filter), order, target.layout.indexes)
    : [];
  return Object.freeze({
    collection: target.definition.name,
    branches: Object.freeze([...branches]),
    predicates: request.predicates,
    backward: order === undefined ? request.reverse : direction === "backward",
    sort,
    order,
    limit: request.limit,
    select: request.select,
    filter: request.filter,
    fullScan,
    suggestion,
    warnings: warningsOf(fullScan, sort, request, suggestion),
  });
}

function warningsOf(
  fullScan: boolean,
  sort: Plan["sort"],
  request: QueryRequest,
  suggestion: Plan["suggestion"],
): readonly string[] {
  const warnings: string[] = [];
  if (fullScan) warnings.push("may read every document of the collection");
  if (sort === "memory")
    warnings.push(
      request.limit === undefined
        ? "sorts all results in memory"
        : "reads all results to find the first ones",
    );
  if (request.predicates.length > 0) warnings.push("runs JavaScript conditions on documents");
  if (suggestion.length > 0)
    warnings.push(`would be helped by ${suggestion.map((on) => JSON.stringify(on)).join(" and ")}`);
  return Object.freeze(warnings);
}
