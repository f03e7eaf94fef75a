/** Runs a program on a database and on the plain model, and compares every answer. */
import { turns } from "../kit/turns.ts";
import { expectStorageError, expectTag, expectThat } from "./compare.ts";
import { Held } from "./held.ts";
import { Life } from "./life.ts";
import type { Plant } from "./life.ts";
import { outcomeOf, tagOf } from "./loose.ts";
import { setPace } from "./pace.ts";
import { copied, sameModel } from "./plain.ts";
import type { Operation, Program, Step } from "./program.ts";
import { read } from "./reading.ts";
import { burst, isRead, race, transaction, writeDirectly } from "./transacting.ts";
import { same } from "./values.ts";
import { write } from "./writing.ts";

export interface RunOptions {
  /** How often each thing happened is counted here. */
  readonly tally?: Map<string, number>;
  readonly plant?: Plant;
}

export async function runProgram(program: Program, options: RunOptions = {}): Promise<void> {
  await new ProgramRun(program, options).run();
}

class ProgramRun {
  readonly #program: Program;
  readonly #life: Life;
  readonly #held: Held;
  /** Upkeep that nobody waits for. */
  #upkeep: Promise<unknown>[] = [];
  #copies = 0;

  constructor(program: Program, { plant, tally = new Map() }: RunOptions) {
    this.#program = program;
    this.#life = new Life(program, tally, plant);
    this.#held = new Held(this.#life);
  }

  /** With its pace of builds; programs run one after the other. */
  async run(): Promise<void> {
    const { pace } = this.#program;
    const restore = pace === undefined ? () => undefined : setPace(pace);
    try {
      await this.#run();
    } finally {
      restore();
    }
  }

  async #run(): Promise<void> {
    const life = this.#life;
    await life.open();
    for (const step of this.#program.steps) await this.#step(step);
    await this.#held.end();
    await this.#endUpkeep();
    if (life.isBuilding) {
      await life.verify();
      await life.ready();
    }
    await life.verify();
    if (this.#program.seed % (life.isMemory ? 4 : 2) === 0) {
      await life.close();
      await life.open();
      await life.compareAll(life.db);
    }
    await life.close();
    life.expectNoWarnings();
  }

  async #step(step: Step): Promise<void> {
    const [life, held] = [this.#life, this.#held];
    switch (step.do) {
      case "transaction":
        return transaction(life, step.body);
      case "race":
        life.count("race");
        return race(life, step);
      case "burst":
        return burst(life, step.writes);
      case "snapshot":
        return held.snapshot();
      case "closeSnapshot":
        return held.closeSnapshot();
      case "readSnapshot":
        return held.readSnapshot(step.pick, step.read);
      case "openStream":
        return held.openStream(step);
      case "endStream":
        return held.endStream(step.whole);
      case "openPages":
        return held.openPages(step);
      case "turnPage":
        return held.turnPage(step);
      case "verify":
        return life.verify();
      case "ready":
        return life.ready();
      case "stats":
        return void (await life.db.stats());
      case "setClock":
        return life.setClock(step.byMillis);
      case "expire":
        return life.expire(step.byMillis);
      case "sleep":
        return life.host.timers.sleep(step.millis);
      case "pause":
        return turns(step.turns);
      case "checkpoint":
        return this.#checkpoint(step);
      case "upkeep":
        return this.#doUpkeep(step);
      case "reopen":
        return this.#openAgain(step);
      case "readOnly":
      case "powerCut":
        return life.isMemory ? undefined : this.#openAgain(step);
      default:
        return this.#operate(step);
    }
  }

  async #operate(step: Operation): Promise<void> {
    const life = this.#life;
    if (life.isBuilding)
      life.count(`${isRead(step) ? "read" : "written"} while something is built`);
    if (!isRead(step)) return writeDirectly(life, step);
    (await read(step, life.db, life.model, life.readContext))(life.model);
  }

  async #checkpoint(step: Step & { do: "checkpoint" }): Promise<void> {
    const life = this.#life;
    if (step.settles) await life.ready();
    else await life.register();
    const { isBuilding } = life;
    await life.checkpoint(++this.#copies, step.opening, async (copy) => {
      if (step.write.do === "swap") return;
      const context = { isBuilding, isDirect: true, edition: life.edition };
      const { judge } = await write(step.write, copy, life.model, context);
      judge(copied(life.model));
    });
  }

  async #doUpkeep({ waits, what }: Step & { do: "upkeep" }): Promise<void> {
    const life = this.#life;
    const work = what === "compact" ? life.db.compact() : life[what]();
    life.count(what);
    if (waits) await work;
    else this.#upkeep.push(work);
  }
  async #endUpkeep(): Promise<void> {
    await Promise.all(this.#upkeep.splice(0));
  }

  async #openAgain(step: Step & { do: "reopen" | "readOnly" | "powerCut" }): Promise<void> {
    const [life, held] = [this.#life, this.#held];
    if (step.do === "powerCut") {
      await held.abandon();
      // What nobody waits for ends with the machine.
      for (const work of this.#upkeep.splice(0)) work.catch(() => undefined);
      return life.powerCut(step.unsynced, step.opening);
    }
    await held.end();
    await this.#endUpkeep();
    held.keepPages();
    if (step.do === "reopen") {
      const { version } = life.edition;
      await life.reopen(step);
      if (life.edition.version !== version) held.dropPages();
      for (const next of step.meanwhile) await this.#step(next);
      return;
    }
    await life.readOnly(step, async (db) => {
      for (const one of step.reads) (await read(one, db, life.model, life.readContext))(life.model);
      const { unready } = life.readContext;
      const context = { unready, isDirect: true, edition: life.edition };
      const { judge, outcome } = await write(step.write, db, life.model, context);
      if ("error" in outcome && tagOf(outcome.error) === "StorageError")
        return expectStorageError(outcome, "OpenedReadOnly");
      // Refused for what it is, or nothing was there to be written: then the model says so, too.
      const after = copied(life.model);
      judge(after);
      const isSame = sameModel(after, life.model, same);
      expectThat(isSame, () => `${step.write.do} was done in a database opened to read`);
      const inTransaction = await outcomeOf(() =>
        db.transaction((tx) => tx.things.insert({ a: 1, n: 1, s: null, flag: true })),
      );
      expectTag(inTransaction, "StorageError", "a transaction where nothing can be written");
    });
  }
}
