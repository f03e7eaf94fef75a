import { afterAll, beforeAll, describe, it } from "vitest";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { contractCases } from "../../src/testing/index.ts";

/** Holds an engine to the contract: one test for each case of the suite. */
export function describeEngine(name: string, makeEngine: () => Promise<StorageEngine>): void {
  describe(`the contract holds for ${name}`, () => {
    let shared: StorageEngine;
    beforeAll(async () => {
      shared = await makeEngine();
    });
    afterAll(() => shared.close());
    for (const [i, one] of contractCases.entries()) {
      it(one.name, async ({ skip }) => {
        const reason = await one.skipReason(shared);
        if (reason !== undefined) skip(reason);
        const engine = one.closesEngine ? await makeEngine() : shared;
        await one.run(engine, `case ${i}/`);
      });
    }
  });
}
