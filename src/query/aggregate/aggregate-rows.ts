/** Reads the documents of a query, or cells that indexes keep of them, and gives figures over them. */
import { andThen, isPromise } from "../../base/index.ts";
import type { Awaitable, BatchCursor } from "../../base/index.ts";
import type { Document } from "../../collections/index.ts";
import type { QueryRequest } from "../query-request.ts";
import { countRows, openRows } from "../run-query.ts";
import type { QueryContext } from "../run-query.ts";
import { aggregateCells } from "./aggregate-cells.ts";
import { aggregateEnds } from "./aggregate-ends.ts";
import { AggregateGroups } from "./aggregate-groups.ts";
import type { AggregateRequest } from "./aggregate-request.ts";

type Row = Record<string, unknown>;

/** One row for each group, in the order of the values that are grouped by; without groups one row. */
export function aggregateRows(
  request: QueryRequest,
  aggregate: AggregateRequest,
  context: QueryContext,
): Awaitable<Row[]> {
  const { by, measures } = aggregate;
  if (by.length === 0 && measures.every(([, { kind }]) => kind === "count"))
    return andThen(countRows(request, context), (count) => [
      Object.fromEntries(measures.map(([name]) => [name, count])),
    ]);
  const answered = withoutDocuments(request, aggregate, context);
  if (answered !== undefined) return answered;
  const groups = new AggregateGroups(context.store.definition.name, aggregate);
  const select = fieldsOf(aggregate);
  // Only what a limit leaves out depends on the order.
  const order = request.limit === undefined ? { orderBy: [], reverse: false } : {};
  const cursor = openRows({ ...request, ...order, select, includes: [] }, context);
  return andThen(addAll(cursor, groups), () => groups.finish());
}

/** From cells, and from the ends of indexes; undefined where documents have to be read for some figure. */
function withoutDocuments(
  request: QueryRequest,
  aggregate: AggregateRequest,
  context: QueryContext,
): Awaitable<Row[]> | undefined {
  const { by, measures } = aggregate;
  const isEnd = ([, { kind }]: (typeof measures)[number]): boolean =>
    kind === "min" || kind === "max";
  const ends = measures.filter(isEnd);
  if (by.length > 0 || ends.length === 0) return aggregateCells(request, aggregate, context);
  const readEnds = aggregateEnds(request, ends, context);
  if (readEnds === undefined) return undefined;
  const others = measures.filter((measure) => !isEnd(measure));
  const cells: Awaitable<Row[]> | undefined =
    others.length === 0 ? [{}] : aggregateCells(request, { by, measures: others }, context);
  if (cells === undefined) return undefined;
  return andThen(cells, ([row]) =>
    andThen(readEnds(), (extremes) => {
      const figures = { ...row, ...extremes };
      // They stand in the order in which they were asked for.
      return [Object.fromEntries(measures.map(([name]) => [name, figures[name]]))];
    }),
  );
}

/** The fields that are looked at: an index may have them all. */
function fieldsOf({ by, measures }: AggregateRequest): readonly string[] {
  const paths = [...by];
  for (const [, measure] of measures) if (measure.kind !== "count") paths.push(measure.path);
  return [...new Set(paths.map(({ before }) => before[0]!))];
}

function addAll(cursor: BatchCursor<Document>, groups: AggregateGroups): Awaitable<void> {
  try {
    for (;;) {
      const batch = cursor.next();
      if (isPromise(batch)) return addLater(batch, cursor, groups);
      if (batch === undefined) return undefined;
      for (const document of batch) groups.add(document);
    }
  } catch (error) {
    cursor.close();
    throw error;
  }
}

async function addLater(
  coming: Promise<readonly Document[] | undefined>,
  cursor: BatchCursor<Document>,
  groups: AggregateGroups,
): Promise<void> {
  try {
    for (let batch = await coming; batch !== undefined; batch = await cursor.next())
      for (const document of batch) groups.add(document);
  } finally {
    cursor.close();
  }
}
