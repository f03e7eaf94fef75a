/** Lets so many turns of the event loop pass, at least one. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < Math.max(1, count); i++) await new Promise<void>((r) => setImmediate(r));
}
