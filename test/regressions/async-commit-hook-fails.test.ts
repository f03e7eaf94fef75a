/** A hook of onCommit may be an async function, as its type allows: its failure is reported like a thrown one. */
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../../src/index.ts";

test("a hook whose promise is rejected leaves no rejection that nobody handles", async () => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", listen);
  try {
    await using db = await open(":memory:");
    const notes = db.collection("notes", z.object({ text: z.string() }));
    await db.transaction(async (tx) => {
      await tx.collection(notes).insert({ text: "a" });
      tx.onCommit(() => Promise.reject(new Error("the hook failed")) as never);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    process.off("unhandledRejection", listen);
    for (const other of others) process.on("unhandledRejection", other);
  }
  expect(unhandled).toEqual([]);
});
