/** The quick share of the programs, and the test of the test: planted mistakes are found out. */
import { proveQuickly } from "./kit/prove-quickly.ts";
import { programs } from "./programs.ts";

proveQuickly(programs, { timeoutMillis: 300_000 });
