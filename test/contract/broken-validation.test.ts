import { it } from "vitest";
import { brokenValidation } from "./broken/index.ts";
import { expectAllNoticed } from "./verdicts.ts";

it("every planted defect of validation is noticed", async () => {
  await expectAllNoticed(brokenValidation, "./golden/broken-validation.golden.txt");
}, 120_000);
