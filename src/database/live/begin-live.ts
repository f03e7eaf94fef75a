/** From a query's request to its live rows: how one run of it is done. */
import { andThen } from "../../base/index.ts";
import type { Document } from "../../collections/index.ts";
import type { ReadView, StorageEngine } from "../../engine/contract/index.ts";
import { allRows } from "../../query/index.ts";
import type { QueryContext, QueryRequest } from "../../query/index.ts";
import { withRecordedView } from "../../transaction/index.ts";
import { looking, onceBuilt } from "../access.ts";
import type { Source } from "../access.ts";
import type { LiveHub } from "./live-hub.ts";
import { LiveRows } from "./live-rows.ts";
import type { IdentifiedRow, RowMemory } from "./row-memory.ts";

export interface LiveGround {
  readonly hub: LiveHub;
  readonly engine: StorageEngine;
  /** All that the query reads. */
  readonly source: Source;
  /** Where a run is done. */
  readonly context: (view: ReadView) => QueryContext;
}

export function beginLive(ground: LiveGround, request: QueryRequest, memory: RowMemory): LiveRows {
  const { context, engine, hub, source } = ground;
  const { select } = request;
  // Rows are told apart by their ids, so each is read with its id, and given without where it was not asked for.
  const hidesId = select !== undefined && !select.includes("id");
  const asked = hidesId ? { ...request, select: [...select, "id"] } : request;
  return new LiveRows(hub, memory, () =>
    andThen(source.ready(), () => {
      const read = onceBuilt(source, () => {
        const run = looking(source, (view: ReadView) => allRows(asked, context(view)));
        return withRecordedView(engine, run);
      });
      return andThen(read, ({ reads, value, version }) => ({
        rows: value.map((document) => identified(document, hidesId)),
        reads,
        version,
      }));
    }),
  );
}

function identified(document: Document, hidesId: boolean): IdentifiedRow {
  if (!hidesId) return { id: document.id, row: document };
  const { id, ...row } = document;
  return { id, row };
}
