/**
 * `kotobadb/effect`: the same collections and transactions as Effects, with exact error types, Scope and Layer.
 *
 * A mistake in the program (a use after the end, a nested transaction, a wrong definition) is a defect; everything that
 * the world or the data may bring is a typed failure.
 *
 * Under a span of the program each operation and each transaction is a span of its own, with the method and the collection
 * as attributes; without one nothing is traced.
 */
export { effectRunner } from "./effect-runner.ts";
export type { EffectRun } from "./effect-runner.ts";
export { open } from "./open-effect.ts";
export type { EffectDb, EffectTx } from "./open-effect.ts";
export { Service } from "./service.ts";
export type { ServiceClass } from "./service.ts";
