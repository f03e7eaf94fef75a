/**
 * Finds out, and decides, what became of a commit whose answer was lost.
 *
 * To look whether its token is there is not enough: the commit may still be on its way and take effect after the look. So
 * the token is put here first, under the commit's own requirement that it is absent (the fence). Either that succeeds,
 * and the commit can never take effect; or the token was there already, and says which of the two it was.
 *
 * Always true:
 * (1) Nothing leaves this file but an answer. An error of the asking that got out would be taken for one of the commit, and
 *     one that says "nothing happened, try again" would have the body run twice.
 * (2) "fenced" is answered only while the absence of a token proves something: not so long after the commit was sent that
 *     others may have deleted the token (token-cleaner.ts).
 * (3) It ends when its time is over, whatever the engine does.
 */
import { Closed, equalBytes } from "../../base/index.ts";
import type { Bytes, KotobaError } from "../../base/index.ts";
import { RequirementFailed, StorageError } from "../../engine/contract/index.ts";
import type { StorageEngine } from "../../engine/contract/index.ts";
import { backoffMillis } from "../backoff.ts";
import { Patience } from "../patience.ts";
import type { TransactionHost } from "../transaction-host.ts";
import { withView } from "../with-view.ts";
import { fencePlan, saysTakenEffect } from "./commit-token.ts";
import { LEFT_MILLIS_MIN } from "./token-cleaner.ts";

/** What settling asks of the world. */
export interface OnceHost extends TransactionHost {
  /** Milliseconds since 1970, as the wall says: it goes on while a machine sleeps. */
  wallMillis(): number;
  /** No two processes of one database may ever be given the same: one would take the other's token for its own. */
  randomBytes(count: number): Bytes;
}

/** A commit that was sent. */
export interface SentCommit {
  readonly key: Bytes;
  readonly sentMillis: number;
  readonly sentWallMillis: number;
  /** How long, from now, its outcome may be looked for. */
  readonly millisMax: number;
}

/** fenced: nothing of it is or will be. unknown: it is not decided. */
export type Settlement = "committed" | "fenced" | "unknown";

/** Even a commit whose time is nearly over is asked about. */
const ASK_MILLIS_MIN = 1_000;
/** Far from the time after which tokens may be deleted, so that no clock need be exact. */
const TRUST_MILLIS_MAX = LEFT_MILLIS_MIN / 2;

/** Does the failed commit have to be settled? */
export function isUnsettled(error: unknown, key: Bytes): boolean {
  // Its own token can only be there if the commit was sent twice below, and the first one has taken effect.
  if (error instanceof RequirementFailed) return equalBytes(error.key, key);
  return (error as Partial<KotobaError> | undefined)?.committed === "unknown";
}

export async function settleCommit(
  engine: StorageEngine,
  host: OnceHost,
  sent: SentCommit,
): Promise<Settlement> {
  const millisMax = Math.min(Math.max(sent.millisMax, ASK_MILLIS_MIN), TRUST_MILLIS_MAX);
  const patience = new Patience(host, millisMax, undefined);
  for (let retries = 0; patience.lapsed === undefined; retries++) {
    const asked = await patience.within(ask(engine, sent.key));
    if (!("value" in asked) || asked.value === "unknown") break;
    if (asked.value === "committed") return "committed";
    if (asked.value === "fenced") return provesSomething(host, sent) ? "fenced" : "unknown";
    await patience.sleep(backoffMillis(NOT_YET, retries, host.random()));
  }
  return "unknown";
}

const NOT_YET: StorageError = new StorageError("Unavailable");

/** Never fails. "again": no answer could be had this time; unknown: nor will there be. */
async function ask(engine: StorageEngine, key: Bytes): Promise<Settlement | "again"> {
  try {
    await engine.write(fencePlan(key));
    return "fenced";
  } catch (error) {
    if (error instanceof Closed) return "unknown";
    // Of other failures the fence may have taken effect all the same: the next one will find it.
    return error instanceof RequirementFailed ? await look(engine, key) : "again";
  }
}

/** What is there was put by the commit or by a fence; what a view shows is durable, and stays. */
async function look(engine: StorageEngine, key: Bytes): Promise<Settlement | "again"> {
  try {
    const value = await withView(engine, (view) => view.get(key));
    // Required already, and not yet shown.
    if (value === undefined) return "again";
    return saysTakenEffect(value) ? "committed" : "fenced";
  } catch (error) {
    return error instanceof Closed ? "unknown" : "again";
  }
}

/** By both clocks: one may stand still while a machine sleeps, the other may be set back. */
function provesSomething(host: OnceHost, sent: SentCommit): boolean {
  return (
    host.nowMillis() - sent.sentMillis < TRUST_MILLIS_MAX &&
    host.wallMillis() - sent.sentWallMillis < TRUST_MILLIS_MAX
  );
}
