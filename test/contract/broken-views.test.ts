import { it } from "vitest";
import { brokenViews } from "./broken/index.ts";
import { expectAllNoticed } from "./verdicts.ts";

it("every planted defect of views is noticed", async () => {
  await expectAllNoticed(brokenViews, "./golden/broken-views.golden.txt");
}, 120_000);
