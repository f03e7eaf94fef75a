/**
 * From a query to its plan. Pure and deterministic: the same request on the same collection with the same estimates gives
 * the same plan. These laws decide:
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
 *      and on law (5) at least. Branches that are all in the order asked for are merged, if there is a limit.
 *  (9) Between equals: who has a range on the next field, who gives the order, who is covered, who has fewer fields, who
 *      was declared first.
 *      An index whose ranges give it one by one, as those of a list of values for its first field do, gives it too if
 *      there is a limit: the ranges are merged, as far as the limit goes.
 * (10) Unions within unions multiply. What is left of the effort (LOOKS_FREE) decides how far they are followed; where it
 *      ends, the condition is checked on the documents. So planning takes time in proportion to the filter.
 * (11) Where the engine estimates how many rows ranges have, and nothing stands on law 3, what reads least is taken of all
 *      that laws 4 to 8 offer; the laws decide between what costs about the same (weigh/weigh-ways.ts). A plan that reads
 *      all documents because that is less is no full scan to the rule for those: an index could answer.
 */
import type {
  BoundIndex,
  CollectionDefinition,
  CollectionLayout,
  FilterNode,
  Scalar,
} from "../../collections/index.ts";
import { compareIds } from "../id-order.ts";
import type { QueryRequest } from "../query-request.ts";
import {
  MERGED_PARTS_MAX,
  boundCandidate,
  candidateOf,
  conjunction,
  elementsFor,
  isOrderedUnchecked,
  isSinglePoint,
  narrows,
} from "./candidate.ts";
import type { Candidate, Question } from "./candidate.ts";
import { Effort } from "../weigh/effort.ts";
import { Scales } from "../weigh/scales.ts";
import type { Estimate } from "../weigh/scales.ts";
import { RANK, compareByLaws, rankOf } from "../weigh/way.ts";
import type { Way } from "../weigh/way.ts";
import { weighWays } from "../weigh/weigh-ways.ts";
import type { Asked } from "../weigh/weigh-ways.ts";
import { conditionsOf } from "./filter-sets.ts";
import type { Condition } from "./filter-sets.ts";
import { idBounds } from "./id-bounds.ts";
import { directionOfDocuments, directionOfIndex, orderOf } from "./order.ts";
import type { Order, ScanDirection } from "./order.ts";
import { partsOf } from "./plan.ts";
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
  /** Absent: the laws alone decide. */
  readonly estimate?: Estimate | undefined;
}

/** A document of a union is held against the filters of all branches before, so they must not be too many. */
const UNION_BRANCHES_MAX = 64;

/** The first of many `or` gets this part of the effort at least, so that it can be finished. */
const UNIONS_SHARING_MAX = 8;

/** What the search for a way goes by. */
interface Search {
  readonly request: QueryRequest;
  readonly target: QueryTarget;
  readonly scales: Scales | undefined;
  /** It is for one branch of a union. */
  readonly isPart: boolean;
  /** It is for a union whose branches are all in the order asked for, so that they can be merged. */
  readonly isMerged: boolean;
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
  const scales = target.estimate === undefined ? undefined : new Scales(target.estimate);
  const search: Search = { request, target, scales, isPart: false, isMerged: false };
  return bestWay(question, search, Effort.of(looksAt(question.size, target)));
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
    isLimited: request.limit !== undefined,
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

/** Laws 3 to 9, and 11. */
function bestWay(question: Question, search: Search, effort: Effort): Way {
  const { scales, target } = search;
  const documents = documentsWay(question, target);
  if (documents.rank === RANK.ids) return documents;
  const singles = candidatesOf(question, search).map((one) => wayOf(one, question, false));
  const [single] = singles;
  const alone = single !== undefined && single.rank >= documents.rank ? single : documents;
  if (alone.rank >= RANK.single) return alone;
  const unions = unionsOf(question, search, effort);
  const [union] = unions;
  const best = union !== undefined && union.rank > alone.rank ? union : alone;
  if (scales === undefined) return best;
  const all = [best, ...singles, ...unions, documents, ...ordersOf(question, search)];
  const ways = [...new Set(all)].filter(({ rank }) => !search.isPart || rank >= RANK.range);
  if (ways.length < 2) return best;
  return { ...weighWays(ways, askedOf(question, search), scales), lawful: best };
}

/** The same for a branch of a merge: only what gives the order counts, and stands on law 5 at least. */
function bestOrderedWay(question: Question, search: Search, effort: Effort): Way | undefined {
  const { scales, target } = search;
  const candidates = candidatesOf(question, search).filter(({ access, equalities }) =>
    isOrderedUnchecked(access.index, equalities, access.fixed),
  );
  const offered = [
    ...candidates.map((one) => wayOf(one, question, false)),
    documentsWay(question, target),
  ].filter(({ direction, rank }) => direction !== undefined && rank >= RANK.range);
  const isFound = offered.some(({ rank }) => rank >= RANK.single);
  const union = isFound ? undefined : unionWay(question, search, effort);
  const ways = (union === undefined ? offered : [...offered, union]).sort(compareRanks);
  const [first] = ways;
  if (first === undefined || first.rank >= RANK.single || scales === undefined) return first;
  return weighWays(ways, askedOf(question, search), scales);
}

function compareRanks(a: Way, b: Way): number {
  return b.rank - a.rank;
}

function askedOf({ order }: Question, { request }: Search): Asked {
  const { limit, predicates } = request;
  return { ordered: order !== undefined, limit, hasPredicates: predicates.length > 0 };
}

/** Reads the documents by their ids, or all of them. */
function documentsWay(question: Question, { layout }: QueryTarget): Way {
  const { fixed, order } = question;
  const direction = order === undefined ? undefined : directionOfDocuments(order, fixed);
  const ids = question.sets.get("id");
  const strings = ids === undefined ? undefined : intersect(ids, classSet("string"));
  const residual = conjunction(
    question.conditions.filter(({ path }) => path?.text !== "id").map(({ node }) => node),
  );
  if (strings?.every(isPoint) === true) {
    const listed = strings.map((point) => pointOf(point) as string).toSorted(compareIds);
    const access = Object.freeze({ kind: "get", ids: Object.freeze(listed), fixed } as const);
    // One document is in every order.
    const inOrder = direction ?? (order !== undefined && listed.length < 2 ? "forward" : undefined);
    return { branches: [branch(access, residual, question)], rank: RANK.ids, direction: inOrder };
  }
  if (strings !== undefined && narrows(ids!)) {
    const bounds = idBounds(layout.documents.start, strings);
    const access = Object.freeze({ kind: "scan", whole: false, bounds, fixed } as const);
    return { branches: [branch(access, residual, question)], rank: RANK.range, direction };
  }
  const bounds = [{ range: layout.documents, text: "" }];
  const access = Object.freeze({ kind: "scan", whole: true, bounds, fixed } as const);
  const all = conjunction(question.conditions.map(({ node }) => node));
  return { branches: [branch(access, all, question)], rank: RANK.scan, direction };
}

/** What indexes offer, in the order of the laws. */
function candidatesOf(question: Question, { request, target }: Search): Candidate[] {
  const candidates: Candidate[] = [];
  const least = request.limit === undefined ? RANK.range : RANK.order;
  for (const index of target.layout.indexes) {
    if (!mayStandOn(least, index, question)) continue;
    const candidate = candidateOf(index, question);
    if (candidate !== undefined && rankOf(candidate) >= least) candidates.push(candidate);
  }
  return candidates.length < 2 ? candidates : candidates.sort(compareByLaws);
}

/** Is the index worth a closer look, which costs more than all else of a planning? Most have nothing to do with a query. */
function mayStandOn(least: number, index: BoundIndex, { order, fixed, sets }: Question): boolean {
  const { path } = index.fields[0]!;
  if (index.where !== undefined || path.each || sets.has(path.text)) return true;
  const gives = order !== undefined && directionOfIndex(order, index, fixed) !== undefined;
  return least <= RANK.order && gives;
}

/** Indexes that give the order of all rows: what is read is more, but nothing is sorted. */
function ordersOf(question: Question, { isPart, request, target }: Search): readonly Way[] {
  if (question.order === undefined || request.limit !== undefined || isPart) return [];
  return target.layout.indexes.flatMap((index) => {
    if (!mayStandOn(RANK.order, index, question)) return [];
    const candidate = candidateOf(index, question);
    const serves = candidate !== undefined && rankOf(candidate) === RANK.order;
    return serves ? [wayOf(candidate, question, false)] : [];
  });
}

function wayOf(candidate: Candidate, question: Question, named: boolean): Way {
  return {
    branches: [branch(candidate.access, candidate.residual, question)],
    rank: named ? RANK.single : rankOf(candidate),
    direction: candidate.direction,
  };
}

/** Law 8: branches in order, to be merged, and branches one after the other; the better one by the laws first. */
function unionsOf(question: Question, search: Search, effort: Effort): readonly Way[] {
  const union = unionWay(question, search, effort);
  if (union === undefined) return [];
  const isMergeable = question.order !== undefined && question.isLimited;
  const merge = isMergeable ? unionWay(question, { ...search, isMerged: true }, effort) : undefined;
  return merge === undefined ? [union] : [merge, union].sort(compareRanks);
}

/** The `or` whose worst branch is best. */
function unionWay(question: Question, search: Search, effort: Effort): Way | undefined {
  let best: Way | undefined;
  const choices = question.conditions.filter(({ node }) => node.kind === "or");
  for (const [i, condition] of choices.entries()) {
    const sharing = Math.min(choices.length - i, UNIONS_SHARING_MAX);
    const union = effort.lend(sharing, (part) => unionOf(condition, question, search, part));
    if (union !== undefined && (best === undefined || union.rank > best.rank)) best = union;
  }
  return best;
}

function unionOf(
  condition: Condition,
  question: Question,
  search: Search,
  effort: Effort,
): Way | undefined {
  if (condition.node.kind !== "or") return undefined;
  const { nodes } = condition.node;
  const branches: Branch[] = [];
  let rank: number = RANK.ids;
  let direction: ScanDirection | undefined;
  for (const [i, node] of nodes.entries()) {
    const sharing = Math.min(nodes.length - i, UNION_BRANCHES_MAX);
    const way = effort.lend(sharing, (part) => partWay(node, condition, question, search, part));
    if (way === undefined) return undefined;
    if (way === NO_WAY) continue;
    rank = Math.min(rank, way.rank);
    for (const found of way.branches) {
      const isBackward = (way.direction === "backward") !== found.turned;
      direction ??= isBackward ? "backward" : "forward";
      const turned = search.isMerged && isBackward !== (direction === "backward");
      const except = search.isMerged ? [] : branches.map((before) => before.filter);
      branches.push(Object.freeze({ ...found, except, turned }));
    }
    if (rank < RANK.range || branches.length > UNION_BRANCHES_MAX) return undefined;
  }
  if (!search.isMerged) return { branches, rank, direction: undefined };
  const parts = branches.flatMap(({ access }) => partsOf(access));
  return parts.length > MERGED_PARTS_MAX ? undefined : { branches, rank, direction };
}

/** One node of an `or` together with all other conditions; undefined if the effort does not suffice, or no order is given. */
function partWay(
  node: FilterNode,
  condition: Condition,
  question: Question,
  search: Search,
  effort: Effort,
): Way | undefined {
  const { isMerged, scales, target } = search;
  const own = conditionsOf(node);
  const size = own.reduce((sum, inner) => sum + inner.size, question.size - condition.size);
  if (!effort.take(looksAt(size, target))) return undefined;
  const conditions = [...question.conditions.filter((other) => other !== condition), ...own];
  const filter = conjunction(conditions.map((inner) => inner.node));
  // Branches that come one after the other have no order, and are held against the filters of others: none is covered.
  const request = isMerged
    ? search.request
    : { ...search.request, limit: undefined, select: undefined };
  const order = isMerged ? question.order : undefined;
  const part = questionOf(conditions, filter, order, request, target, NO_SETS);
  if (part === undefined) return NO_WAY;
  const ofPart = { request, target, scales, isPart: true, isMerged };
  return isMerged ? bestOrderedWay(part, ofPart, effort) : bestWay(part, ofPart, effort);
}

function branch(access: Branch["access"], residual: FilterNode, question: Question): Branch {
  return Object.freeze({ access, residual, filter: question.filter, except: [], turned: false });
}

function sortOf({ branches, direction }: Way, order: Order | undefined): Plan["sort"] {
  if (order === undefined) return "none";
  if (branches.length === 0) return "index";
  if (direction === undefined) return "memory";
  return branches.length > 1 || partsOf(branches[0]!.access).length > 1 ? "merge" : "index";
}

/** May it have to look at every document, although not all are asked for? */
function isFullScan(way: Way, request: QueryRequest, order: Order | undefined): boolean {
  const checks =
    request.predicates.length > 0 || way.branches.some(({ residual }) => residual.kind !== "all");
  const sortsForFew = sortOf(way, order) === "memory" && request.limit !== undefined;
  return way.rank <= RANK.order && (checks || sortsForFew);
}

function planOf(
  request: QueryRequest,
  order: Order | undefined,
  way: Way,
  target: QueryTarget,
): Plan {
  const { branches, instead } = way;
  const sort = sortOf(way, order);
  const lawful = way.lawful ?? way;
  const fullScan = isFullScan(lawful, request, order);
  const sortsForFew = sort === "memory" && request.limit !== undefined;
  const isHelpless = (fullScan || sortsForFew) && request.index === undefined;
  const suggestion = isHelpless
    ? suggestedIndexes(conditionsOf(request.filter), order, target.layout.indexes)
    : [];
  return Object.freeze({
    collection: target.definition.name,
    branches: Object.freeze([...branches]),
    predicates: request.predicates,
    backward: order === undefined ? request.reverse : way.direction === "backward",
    sort,
    order,
    limit: request.limit,
    select: request.select,
    filter: request.filter,
    instead:
      instead === undefined
        ? undefined
        : Object.freeze({
            plan: planOf(request, order, { ...instead.way, lawful }, target),
            afterKeys: instead.afterKeys,
          }),
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
