/**
 * Random queries: documents, an index set and queries with every operator, order, limit, select and cursor. Each is asked
 * by every end and held against the plain evaluator, on engines that answer at once and later and while others commit; and
 * asked of mingo, an implementation of MongoDB's queries by others, in its words.
 *
 * Ten thousand of them: `npm run prove -- --only queries --minutes 150`, which ends when it has them, in some minutes.
 */
import fc from "fast-check";
import { documents, indexesAndMixedQueries } from "../query/arbitrary-query.ts";
import { checkAlone, checkPages, checkWhileOthersCommit } from "../query/check-query.ts";
import { Twins } from "../query/mingo/agreement.ts";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";

const UNIT = "random query programs against the plain evaluator and mingo";
const PROGRAMS_A_ROUND = 50;
const PROGRAM_MILLIS_MAX = 20_000;

async function round(seed: number, counts: Counts): Promise<void> {
  const sizes = fc.integer({ min: 1, max: 5 });
  const program = fc.tuple(documents, documents, indexesAndMixedQueries, sizes, fc.boolean());
  const property = fc.asyncProperty(program, async ([inputs, more, drawn, size, later]) => {
    const [names, asked] = drawn;
    await checkAlone(names, inputs, asked, later);
    await checkPages(names, inputs, asked, size, later);
    await checkWhileOthersCommit(names, inputs, asked, more);
    const twins = await Twins.open(names, inputs);
    for (const query of asked) await twins.compare(query);
    await twins.close();
    count(counts, UNIT);
    count(counts, "queries", asked.length);
    count(counts, "documents", inputs.length);
  });
  await fc.assert(property, { seed, numRuns: PROGRAMS_A_ROUND, timeout: PROGRAM_MILLIS_MAX });
}

export const queries: Proof = {
  name: "queries",
  unit: UNIT,
  quick: 50,
  full: 2_000,
  share: 3,
  round,
};
