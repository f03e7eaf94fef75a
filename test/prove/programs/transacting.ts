/**
 * Transactions, alone and at the same time.
 *
 * Bodies take turns, one operation at a time, and a turn lasts until the body waits for its next one or its transaction
 * has ended; so it is known which states there were since an attempt began. Everything it reads must come from one of them,
 * the same for all of it (an attempt may choose it as late as its first read). Whatever commits must give the same answers
 * when it is done once more in the state that it commits to: that is what serializable means. A conflict more than needed
 * is no mistake: the body runs again by itself.
 */
import { EXCLUSIVE_AFTER_LOSSES } from "../../../src/transaction/backoff.ts";
import { expectSame, expectTag, expectThat, Mismatch, valueOf } from "./compare.ts";
import type { Judge } from "./compare.ts";
import type { Life } from "./life.ts";
import { outcomeOf, tagOf } from "./loose.ts";
import type { LooseTx, Outcome } from "./loose.ts";
import { copied, sameModel } from "./plain.ts";
import type { Model } from "./plain.ts";
import type { Body, Of, Operation, Read, Step, Write } from "./program.ts";
import { isNotReady, NOTHING_UNREADY } from "./readiness.ts";
import { read } from "./reading.ts";
import { same } from "./values.ts";
import { Doomed, write } from "./writing.ts";

class ChangedMyMind extends Error {}

export function isRead(step: Operation): step is Of<Read> {
  const reads: readonly string[] = ["query", "get", "find", "readWrong"];
  return reads.includes(step.do);
}

interface View {
  readonly base: Model;
  readonly model: Model;
}

/** One transaction, and what its last attempt saw. */
class Actor {
  readonly #life: Life;
  readonly #body: Body;
  #log: Judge[] = [];
  /** Those states of which all that was read so far may come, each with what was written since. */
  #views: View[] = [];
  #isDoomed = false;
  /** In a state before the first attempt began. */
  #unready = NOTHING_UNREADY;
  /** It has ended in the middle of an operation that is several. */
  #givesUp = false;
  #hooks = 0;
  #attempts = 0;
  #goOn: (() => void) | undefined;
  #turnEnds: (() => void) | undefined;
  #ended: Outcome<void> | undefined;
  #isBegun = false;

  constructor(life: Life, body: Body) {
    this.#life = life;
    this.#body = body;
  }

  get isOver(): boolean {
    return this.#ended !== undefined;
  }

  /** One operation of the body, or its commit and whatever it leads to. */
  async takeTurn(): Promise<void> {
    const turn = new Promise<void>((resolve) => (this.#turnEnds = resolve));
    if (this.#isBegun) this.#goOn?.();
    else void this.#begin();
    await turn;
    if (this.#ended !== undefined) this.#judge(this.#ended);
  }

  async #begin(): Promise<void> {
    this.#isBegun = true;
    const life = this.#life;
    if (life.isBuilding) {
      await life.register();
      this.#unready = await life.unready();
    }
    const { durability, readOnly } = this.#body;
    this.#ended = await outcomeOf(() =>
      life.db.transaction((tx) => this.#attempt(tx), {
        ...(durability === undefined ? {} : { durability }),
        ...(readOnly ? { readOnly } : {}),
      }),
    );
    this.#turnEnds?.();
  }

  async #attempt(tx: LooseTx): Promise<void> {
    expectSame(tx.attempt, ++this.#attempts, "the number of the attempt");
    if (this.#attempts > EXCLUSIVE_AFTER_LOSSES) this.#life.count("ran alone");
    this.#log = [];
    this.#views = [];
    this.#isDoomed = false;
    this.#givesUp = false;
    tx.onCommit(() => this.#hooks++);
    for (const step of this.#body.steps) {
      // Then it has the engine to itself: all others wait until it has ended, and would never take their turns.
      if (this.#attempts <= EXCLUSIVE_AFTER_LOSSES) await this.#pause();
      if (!this.#seeNewest()) return;
      const judge = await this.#operate(step, tx, this.#views.at(-1)!.model);
      this.#log.push(judge);
      if (!this.#agrees(judge)) return;
      if (this.#givesUp) break;
    }
    if (this.#body.throws || this.#givesUp) throw new ChangedMyMind();
  }

  /** What others committed since the last operation may be what this attempt sees, if its answers so far say so. */
  #seeNewest(): boolean {
    const base = this.#life.model;
    if (this.#views.at(-1)?.base === base) return true;
    const model = copied(base);
    try {
      for (const judge of this.#log) judge(model);
      this.#views.push({ base, model });
    } catch (error) {
      if (error instanceof Doomed) this.#isDoomed = true;
      else if (!(error instanceof Mismatch)) throw error;
    }
    return !this.#isDoomed;
  }

  /** False: as far as the states of now say, what is written cannot be committed, and what is read means nothing. */
  #agrees(judge: Judge): boolean {
    const views: View[] = [];
    let mismatch: Mismatch | undefined;
    for (const view of this.#views) {
      try {
        judge(view.model);
        views.push(view);
      } catch (error) {
        if (error instanceof Doomed) this.#isDoomed = true;
        if (this.#isDoomed) return false;
        if (!(error instanceof Mismatch)) throw error;
        mismatch = error;
      }
    }
    if (views.length === 0) throw mismatch!;
    this.#views = views;
    return true;
  }

  async #pause(): Promise<void> {
    const goOn = new Promise<void>((resolve) => (this.#goOn = resolve));
    this.#turnEnds?.();
    await goOn;
  }

  async #operate(step: Operation, tx: LooseTx, model: Model): Promise<Judge> {
    const life = this.#life;
    const unready = this.#unready;
    if (isRead(step)) return read(step, tx, model, { ...life.readContext, unready });
    const { edition, held, isBuilding } = life;
    const context = { edition, held, isBuilding, unready, isDirect: false };
    const done = await write(step, tx, model, context);
    if ("error" in done.outcome && isNotReady(done.outcome.error)) {
      life.count("IndexNotReady of a write");
      if (step.do === "swap") this.#givesUp = true;
    }
    if (this.#body.readOnly) {
      life.count("write in a read-only transaction");
      // Wrong input is refused for what it is, and what changes nothing is no write.
      return (state) => {
        if ("error" in done.outcome && tagOf(done.outcome.error) === "ReadOnlyTransaction") return;
        const after = copied(state);
        done.judge(after);
        const isSame = sameModel(after, state, same);
        expectThat(isSame, () => `${step.do} was done in a read-only transaction`);
      };
    }
    life.sawNewIds(done.freshIds);
    life.count(`${step.do} in a transaction`);
    return done.judge;
  }

  #judge(ended: Outcome<void>): void {
    const life = this.#life;
    const committed = "value" in ended;
    if (this.#attempts > 1) life.count("ran again after a conflict");
    expectSame(this.#hooks, committed ? 1 : 0, "calls of the hook of onCommit");
    if (!committed && ended.error instanceof Mismatch) throw ended.error;
    if ((this.#body.throws || this.#givesUp) && !this.#isDoomed) {
      life.count("thrown");
      const isOwn = !committed && ended.error instanceof ChangedMyMind;
      expectThat(isOwn, () => `a body that throws gave ${JSON.stringify(ended)}`);
      return;
    }
    const after = this.#replayed();
    if (after === "doomed") {
      life.count("doomed");
      return expectTag(ended, "UniqueViolation", "the transaction");
    }
    valueOf(ended, "the transaction");
    life.count("committed");
    if (after instanceof Mismatch) {
      // Nothing is changed, so all it did happened when it read.
      if (this.#views.every(({ base, model }) => sameModel(base, model, same))) return;
      throw new Mismatch(`not serializable: ${after.message}`, { cause: after });
    }
    if (after !== undefined) life.committed(after, this.#body.durability);
  }

  /** All of it again in the state of now: what it leaves, or why it cannot have happened here. */
  #replayed(): Model | Mismatch | "doomed" {
    const model = copied(this.#life.model);
    try {
      for (const judge of this.#log) judge(model);
    } catch (error) {
      if (error instanceof Doomed) return "doomed";
      if (error instanceof Mismatch) return error;
      throw error;
    }
    return model;
  }
}

/** Bodies and single writes in turns; `turns` picks who is next, then each in its order. */
export async function race(life: Life, step: Step & { do: "race" }): Promise<void> {
  const actors = step.bodies.map((body) => new Actor(life, body));
  const direct = [...step.direct];
  let left = [...actors];
  for (let i = 0; left.length > 0; i++) {
    const turn = (step.turns[i] ?? i) % (left.length + (direct.length > 0 ? 1 : 0));
    const actor = left[turn];
    if (actor === undefined) await writeDirectly(life, direct.shift()!);
    else await actor.takeTurn();
    left = left.filter((one) => !one.isOver);
  }
}

export async function transaction(life: Life, body: Body): Promise<void> {
  await race(life, { do: "race", bodies: [body], direct: [], turns: [] });
}

/** A write by itself is a transaction of its own, but for a swap, which is several. */
export async function writeDirectly(life: Life, step: Of<Write>): Promise<void> {
  if (step.do === "swap")
    return transaction(life, {
      steps: [step],
      throws: false,
      readOnly: false,
      durability: undefined,
    });
  const { edition, isBuilding } = life;
  const context = { edition, isBuilding, isDirect: true };
  const { freshIds, judge, outcome } = await write(step, life.db, life.model, context);
  life.sawNewIds(freshIds);
  const refusal = "error" in outcome ? ` refused: ${tagOf(outcome.error)}` : "";
  life.count(`${step.do}${refusal}`);
  const model = copied(life.model);
  judge(model);
  life.committed(model, undefined);
}

/** Writes at the same time: there must be an order of them that gives all their answers. */
export async function burst(life: Life, writes: readonly Of<Write>[]): Promise<void> {
  const single = writes.filter((step) => step.do !== "swap");
  const { edition, isBuilding } = life;
  const context = { edition, isBuilding, isDirect: true, meets: true };
  const begun = single.map((step) => write(step, life.db, life.model, context));
  const done = await Promise.all(begun);
  life.sawNewIds(done.flatMap(({ freshIds }) => freshIds).sort());
  let first: Mismatch | undefined;
  const possible: (readonly Model[])[] = [];
  for (const order of ordersOf(done)) {
    const states = [copied(life.model)];
    try {
      for (const { judge } of order) {
        const next = copied(states.at(-1)!);
        judge(next);
        states.push(next);
      }
      possible.push(states.slice(1));
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      first ??= error;
    }
  }
  if (possible.length === 0)
    throw new Mismatch(`no order of a burst gives its answers; as called: ${first!.message}`);
  life.count("burst");
  // Answers may leave open which came last, and always leave open in which order a power cut takes them back.
  await life.committedOneOf(possible);
}

function ordersOf<T>(list: readonly T[]): readonly (readonly T[])[] {
  if (list.length === 0) return [[]];
  return list.flatMap((one, i) => {
    const rest = [...list.slice(0, i), ...list.slice(i + 1)];
    return ordersOf(rest).map((order) => [one, ...order]);
  });
}
