import { it } from "vitest";
import { brokenLoads } from "./broken/index.ts";
import { expectAllNoticed } from "./verdicts.ts";

it("every planted defect of bulk loads is noticed", async () => {
  await expectAllNoticed(brokenLoads, "./golden/broken-loads.golden.txt");
}, 120_000);
