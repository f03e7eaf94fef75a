/** The quick share of the random queries. */
import { proveQuickly } from "./kit/prove-quickly.ts";
import { queries } from "./queries.ts";

proveQuickly(queries, { timeoutMillis: 300_000 });
