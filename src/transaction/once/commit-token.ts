/**
 * The row that a commit leaves behind so that it can be asked about if its answer is lost.
 *
 *   00 74 token    one commit ('t'; 16 random bytes): 01 it has taken effect, 00 it never will
 *
 * Engines that load by themselves put such rows too, one with each part of a load (engine/postgres/load/bulk-loads.ts).
 *
 * The rows stand among those of the system, apart from every collection and from the catalog (the keyspace is told in
 * collections/catalog/keyspace.ts). Whoever copies a whole keyspace passes over them: they say nothing of the data.
 *
 * Always true:
 * (1) A token is put by one commit, or by the fence that stops this commit, never by both: each requires that it is absent.
 * (2) What it holds never changes until it is deleted.
 */
import { concatBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { COMMIT_TOKENS } from "../../engine/contract/index.ts";
import type { BlindPlan } from "../../engine/contract/index.ts";

const RANDOM_BYTES = 16;
const TAKEN_EFFECT = 0x01;
const NEVER = 0x00;

/** By how much a token makes a plan larger: its key twice, put and required, and its value. */
export const TOKEN_PLAN_BYTES: number = 2 * (COMMIT_TOKENS.start.length + RANDOM_BYTES) + 1;

export function tokenKey(randomBytes: (count: number) => Bytes): Bytes {
  return concatBytes(COMMIT_TOKENS.start, randomBytes(RANDOM_BYTES));
}

/** The plan with a token; its requirement comes first, so that it is the one told if a commit was sent twice. */
export function withToken<P extends BlindPlan>(plan: P, key: Bytes): P {
  return {
    ...plan,
    ops: [...plan.ops, { op: "put", key, value: Uint8Array.of(TAKEN_EFFECT) }],
    requires: [{ is: "absent", key }, ...plan.requires],
  };
}

/** Durable whatever the commit was: a fence that a crash takes away would let it through. */
export function fencePlan(key: Bytes): BlindPlan {
  return {
    ops: [{ op: "put", key, value: Uint8Array.of(NEVER) }],
    requires: [{ is: "absent", key }],
    durability: "durable",
  };
}

/** What a token that is there says of its commit. */
export function saysTakenEffect(value: Bytes): boolean {
  return value[0] === TAKEN_EFFECT;
}
