/** Which sequences views read at, held against a plain list of the open ones. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { KeptSequence, OpenViews } from "../../../../src/engine/lsm/commit/index.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("read" as const), back: fc.nat(3) }),
  fc.record({ do: fc.constant("write" as const) }),
  fc.record({ do: fc.constant("commit" as const) }),
  fc.record({ do: fc.constant("release" as const), which: fc.nat(), twice: fc.boolean() }),
);

test("open views are those that were kept and not released, the oldest writer among them", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const views = new OpenViews();
      const open: { readonly kept: KeptSequence; readonly isWriter: boolean }[] = [];
      let newest = 10;
      for (const one of steps) {
        if (one.do === "commit") newest++;
        else if (one.do === "release") {
          if (open.length === 0) continue;
          const [{ kept }] = open.splice(one.which % open.length, 1) as [(typeof open)[number]];
          kept.release();
          if (one.twice) kept.release();
        } else {
          const isWriter = one.do === "write";
          const sequence = isWriter ? newest : newest - one.back;
          open.push({ kept: new KeptSequence(views, sequence, isWriter, undefined), isWriter });
        }
        const sequences = open.map(({ kept }) => kept.sequence).toSorted((a, b) => a - b);
        expect(views.count).toBe(open.length);
        expect(views.sequences()).toEqual([...new Set(sequences)]);
        const writers = open.filter(({ isWriter }) => isWriter).map(({ kept }) => kept.sequence);
        expect(views.oldestWriter).toBe(writers.length === 0 ? undefined : Math.min(...writers));
      }
    }),
  );
});
