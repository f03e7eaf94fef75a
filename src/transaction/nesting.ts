/**
 * Knows whose body is running, so that a transaction begun inside the body of another one of the same engine is refused
 * instead of quietly standing apart: it would see and commit another state, and be committed again when the outer body
 * is run again.
 *
 * AsyncLocalStorage follows a body over its awaits. Before Node 24 it slows every await of the process while it is
 * switched on, so it is on only while a body is running. What it costs and what else was weighed stands in
 * docs/decisions/0001-nested-transactions.md.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { StorageEngine } from "../engine/contract/index.ts";
import { NestedTransaction } from "./transaction-error.ts";

/** One run of a body. */
export class BodyScope {
  readonly engine: StorageEngine;
  /** The scope in which this one was entered: the body of a transaction of another engine. */
  readonly outer: BodyScope | undefined;
  /** Written by enterBody and leaveBody. */
  state: "new" | "running" | "ended" = "new";

  constructor(engine: StorageEngine) {
    this.engine = engine;
    // Ended scopes are left out, so that bodies which start one another by work left behind make no endless chain.
    let outer = runningBodies === 0 ? undefined : scopes.getStore();
    while (outer !== undefined && outer.state !== "running") outer = outer.outer;
    this.outer = outer;
  }
}

const scopes = new AsyncLocalStorage<BodyScope>();
let runningBodies = 0;

/** Throws NestedTransaction when called inside a running body of the same engine. */
export function refuseNested(engine: StorageEngine): void {
  if (runningBodies === 0) return;
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.engine === engine && scope.state === "running") throw new NestedTransaction();
  }
}

/** Runs the body, and all that it awaits, inside the scope, until leaveBody. */
export function enterBody<A, T>(scope: BodyScope, body: (argument: A) => T, argument: A): T {
  scope.state = "running";
  runningBodies++;
  return scopes.run(scope, body, argument);
}

/** Work that the body left behind is not inside it any more. Idempotent. */
export function leaveBody(scope: BodyScope): void {
  if (scope.state !== "running") return;
  scope.state = "ended";
  if (--runningBodies === 0) scopes.disable();
}
