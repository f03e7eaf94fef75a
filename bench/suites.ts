/** The suites of the benchmark, by the names that --suite takes. */
import type { Suite } from "./kit/index.ts";
import { keyvalue } from "./keyvalue/index.ts";

export const suites: readonly Suite[] = [keyvalue];
