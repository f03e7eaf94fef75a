/** How what a query includes would be found, for people. Nothing is read, and no rule is asked. */
import { assert } from "../../base/index.ts";
import { pathOf } from "../../collections/index.ts";
import type { CollectionDefinition, CollectionStore } from "../../collections/index.ts";
import { choosePlan } from "../plan/choose-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { explainPlan, withIncludes } from "../plan/plan-text.ts";
import type { Explanation } from "../plan/plan-text.ts";
import type { Include, QueryRequest } from "../query-request.ts";
import { relatedQuery, requestForOne } from "../include/related-rows.ts";

const ID = pathOf(["id"]);

/** By relation; empty where nothing is included. */
export function explainIncludes(
  { includes }: QueryRequest,
  storeOf: ((definition: CollectionDefinition) => CollectionStore) | undefined,
): Readonly<Record<string, Explanation>> {
  return Object.fromEntries(
    includes.map((include) => {
      assert(storeOf !== undefined, "who includes has the stores");
      const explanation = explainPlan(planOf(include, storeOf(include.relation.to)));
      const inner = explainIncludes(include.request, storeOf);
      return [include.relation.name, withIncludes(explanation, inner)];
    }),
  );
}

function planOf({ relation, request }: Include, store: CollectionStore): Plan {
  const { via } = relation;
  const planned = (asked: QueryRequest): Plan =>
    choosePlan(asked, { definition: store.definition, layout: store.layout() });
  if (relation.kind === "one") return planned(requestForOne(request, ID));
  return relatedQuery(store, via, request, planned).plan;
}
