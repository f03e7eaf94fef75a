/** The suites of the benchmark, by the names that --suite takes, in the order in which they run. */
import { documents } from "./documents/index.ts";
import type { Suite } from "./kit/index.ts";
import { keyvalue } from "./keyvalue/index.ts";
import { limits } from "./limits/index.ts";

export const suites: readonly Suite[] = [limits, keyvalue, documents];
