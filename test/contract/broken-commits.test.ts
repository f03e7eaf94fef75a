import { it } from "vitest";
import { brokenCommits } from "./broken/index.ts";
import { expectAllNoticed } from "./verdicts.ts";

it("every planted defect of commits is noticed", async () => {
  await expectAllNoticed(brokenCommits, "./golden/broken-commits.golden.txt");
}, 120_000);
