import { suiteOf } from "../kit/index.ts";
import type { Suite } from "../kit/index.ts";
import { stores } from "./stores/index.ts";
import { runKeyValue } from "./run.ts";

export const keyvalue: Suite = suiteOf("keyvalue", stores, (entry, scope) =>
  runKeyValue(entry as (typeof stores)[number], scope),
);
