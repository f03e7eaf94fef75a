import { suiteOf } from "../kit/index.ts";
import type { Suite } from "../kit/index.ts";
import { runKeyValue } from "./run.ts";
import { stores } from "./stores/index.ts";

export const keyvalue: Suite = suiteOf("keyvalue", stores, runKeyValue);
