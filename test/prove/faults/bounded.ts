/** An end to what may never end: work on a simulated host takes turns of the event loop, and only so many. */

/** Waits for the work; throws if it has not settled after so many turns. */
export async function bounded<T>(work: Promise<T>, turnsMax: number, what: string): Promise<T> {
  let isSettled = false;
  const settled = work.finally(() => {
    isSettled = true;
  });
  // Told below, in the turn in which it is looked at.
  settled.catch(() => undefined);
  for (let turn = 0; !isSettled; turn++) {
    if (turn > turnsMax) throw new Error(`${what}: no end after ${turnsMax} turns`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return settled;
}

/** Errors that nobody awaited while `work` ran, and in the turns after it. */
export async function withoutStrays<T>(work: () => Promise<T>): Promise<T> {
  const strays: unknown[] = [];
  const note = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", note);
  try {
    const result = await work();
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((r) => setImmediate(r));
    if (strays.length > 0)
      throw new Error(`nobody awaited ${String(strays[0])}`, { cause: strays[0] });
    return result;
  } finally {
    process.off("unhandledRejection", note);
  }
}
