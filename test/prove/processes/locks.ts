/**
 * Many processes want one store. Exactly one has it at a time; the others are told who, whatever state that one is in, and
 * whatever path they come by. Whoever dies, however hard, is in no one's way; and a copy is a store of its own.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseLocked, open } from "kotobadb";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import { count } from "../kit/proof.ts";
import type { Counts, Proof } from "../kit/proof.ts";
import { bundleOf } from "./bundle.ts";

const UNIT = "races of processes for one lock";
/** Drawn for each round. */
const RACERS = [2, 4, 8] as const;
const RACES_EACH_ROUND = 25;
const ANSWER_MILLIS_MAX = 20_000;

class Rival {
  readonly #child: ChildProcess;
  readonly #heard: string[] = [];
  #wake: (() => void) | undefined;
  readonly ended: Promise<unknown>;

  constructor(script: string, path: string) {
    this.#child = spawn(process.execPath, [script, path], { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    this.#child.stdout!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split("\n");
      text = lines.pop()!;
      this.#heard.push(...lines);
      this.#wake?.();
    });
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
  }

  get pid(): number {
    return this.#child.pid!;
  }
  send(order: string): void {
    this.#child.stdin!.write(`${order}\n`);
  }
  async ask(order: string): Promise<string> {
    this.send(order);
    return this.hear();
  }
  async hear(): Promise<string> {
    const deadline = Date.now() + ANSWER_MILLIS_MAX;
    while (this.#heard.length === 0) {
      if (Date.now() > deadline) throw new Error(`process ${this.pid} does not answer`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 100).unref();
      });
    }
    return this.#heard.shift()!;
  }
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }
}

class Arena {
  readonly #script: string;
  readonly #racers: number;
  readonly path: string;
  rivals: Rival[] = [];

  constructor(script: string, path: string, racers: number) {
    this.#script = script;
    this.path = path;
    this.#racers = racers;
  }
  /** One more, that comes by a path of its own. */
  async join(path: string): Promise<void> {
    const rival = new Rival(this.#script, path);
    await rival.hear();
    this.rivals.push(rival);
  }

  /** Those that died are replaced. */
  async fill(): Promise<void> {
    const fresh = Array.from(
      { length: this.#racers - this.rivals.length },
      () => new Rival(this.#script, this.path),
    );
    this.rivals.push(...fresh);
    for (const rival of fresh) await rival.hear();
  }

  /** All at once; gives the one that has it. */
  async race(): Promise<Rival> {
    // Said first to all, then heard: so that they try at the same time.
    for (const rival of this.rivals) rival.send("open");
    const answers = await Promise.all(this.rivals.map((rival) => rival.hear()));
    const winners = this.rivals.filter((_, i) => answers[i] === "opened");
    if (winners.length !== 1)
      throw new Error(`${winners.length} of ${this.#racers} have it: ${answers.join("; ")}`);
    const winner = winners[0]!;
    for (const answer of answers) if (answer !== "opened") expectHolder(answer, winner.pid);
    return winner;
  }

  async killAll(): Promise<void> {
    await Promise.all(this.rivals.map((rival) => rival.kill()));
  }
}

/** Refused, and told who has it. */
function expectHolder(answer: string, pid: number): void {
  if (!answer.startsWith("DatabaseLocked ") || !answer.includes(`process ${pid} `))
    throw new Error(`process ${pid} has it, and another is told ${answer}`);
}

async function refusalHere(path: string, readOnly: boolean): Promise<string> {
  try {
    await (await open(path, { readOnly })).close();
  } catch (error) {
    if (error instanceof DatabaseLocked) return `DatabaseLocked ${error.holder}`;
    throw error;
  }
  return "opened";
}

/** `stray`: the path of a rival that is let into the race, to see that two winners are found out. */
export async function raceForLock(seed: number, counts: Counts, stray?: string): Promise<void> {
  const random = seededRandom(seed, 61);
  const racers = RACERS[random.below(RACERS.length)]!;
  const folder = await mkdtemp(join(tmpdir(), "kotobadb-locks-"));
  const arena = new Arena(await bundleOf("rivals.ts"), join(folder, "db"), racers);
  const alias = join(folder, "alias");
  try {
    await (await open(arena.path)).close();
    await symlink(arena.path, alias);
    if (stray !== undefined) await arena.join(stray);
    for (let race = 0; race < RACES_EACH_ROUND; race++) {
      await arena.fill();
      const winner = await arena.race();
      count(counts, UNIT);
      const trial = random.below(12);
      if (trial === 0) {
        winner.signal("SIGSTOP");
        expectHolder(await refusalHere(arena.path, false), winner.pid);
        winner.signal("SIGCONT");
        count(counts, "refused while the holder was stopped");
      } else if (trial < 4) {
        const readOnly = trial === 1;
        expectHolder(await refusalHere(trial === 2 ? alias : arena.path, readOnly), winner.pid);
        count(counts, ["read-only", "by a symlink", "by its path"][trial - 1]! + ", refused");
      } else if (trial === 4) {
        const copy = join(folder, `copy-${race}`);
        await cp(arena.path, copy, { recursive: true });
        if ((await refusalHere(copy, false)) !== "opened") throw new Error("a copy is refused");
        count(counts, "copies of a store in use opened");
      }
      if (random.oneIn(3)) {
        await winner.kill();
        arena.rivals = arena.rivals.filter((rival) => rival !== winner);
        count(counts, "holders killed");
      } else if ((await winner.ask("close")) !== "closed") throw new Error("it does not close");
    }
    await arena.fill();
    await Promise.all(arena.rivals.slice(1).map((rival) => rival.kill()));
    const [last] = arena.rivals as [Rival];
    if ((await last.ask("read")) !== "opened") throw new Error("it is not free in the end");
    // Who reads excludes who writes, as he writes nothing that would tell the other.
    if (!(await refusalHere(arena.path, false)).startsWith("DatabaseLocked"))
      throw new Error("a writer beside a reader");
  } finally {
    await arena.killAll();
    await rm(folder, { recursive: true, force: true });
  }
}

export const locks: Proof = {
  name: "locks",
  unit: UNIT,
  quick: 25,
  full: 200,
  share: 3,
  round: (seed, counts) => raceForLock(seed, counts),
};
