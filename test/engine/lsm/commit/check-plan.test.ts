/** Whether a plan is a set, whatever the order of its keys: held against a set of texts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hex } from "../../../../src/base/index.ts";
import { PORTABLE_LIMITS } from "../../../../src/engine/contract/index.ts";
import type { CommitPlan, WriteOp } from "../../../../src/engine/contract/index.ts";
import { checkPlan } from "../../../../src/engine/lsm/commit/check-plan.ts";

const key = fc.uint8Array({ maxLength: 3, max: 3 });
const op: fc.Arbitrary<WriteOp> = fc.oneof(
  { weight: 4, arbitrary: key.map((of): WriteOp => ({ op: "put", key: of, value: of })) },
  { weight: 2, arbitrary: key.map((of): WriteOp => ({ op: "del", key: of })) },
  {
    weight: 1,
    arbitrary: key.map((start): WriteOp => ({ op: "delRange", range: { start, end: undefined } })),
  },
);

test("a plan that names a key twice is a mistake, in whatever order its keys come", () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 8 }), fc.boolean(), (drawn, sorts) => {
      const keyOf = (one: WriteOp): string => (one.op === "delRange" ? "" : hex(one.key));
      const ops = sorts ? drawn.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) : drawn;
      const keys = ops.filter((one) => one.op !== "delRange").map(keyOf);
      const plan: CommitPlan = { readKeys: [], readRanges: [], ops, requires: [] };
      const check = (): void => checkPlan(plan, PORTABLE_LIMITS);
      if (new Set(keys).size === keys.length) expect(check).not.toThrow();
      else expect(check).toThrow("no key occurs twice");
    }),
  );
});
