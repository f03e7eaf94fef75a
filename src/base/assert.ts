/** Assertions are for our own mistakes. Errors of the world (disk, input, other processes) are typed errors. */

/** Throws when something we believe is not so: a defect of KotobaDB, never of its caller. */
export function assert(condition: boolean, belief: string): asserts condition {
  if (!condition) throw new Error(`KotobaDB broke its own rule: ${belief}`);
}

/** Marks a branch that the types say cannot be reached. */
export function assertNever(value: never, where: string): never {
  throw new Error(`KotobaDB broke its own rule: unexpected ${JSON.stringify(value)} in ${where}`);
}
