/** One life of the writer process, from its start to its end, as its parent hears of it. */
import { spawn } from "node:child_process";
import { bundleOf } from "./bundle.ts";
import type { Aim, WriterPlan } from "./writer.ts";

/** So many transactions of each lane were acknowledged. */
export type Acknowledged = readonly number[];

export interface Life {
  readonly acknowledged: Acknowledged;
  /** The most transactions of each lane that a snapshot showed, counted from the making of the store. */
  readonly shown: readonly number[];
  /** What had begun and not ended. */
  readonly during: readonly Aim[];
  readonly ended: readonly Aim[];
  /** The checkpoint that it made or was making. */
  readonly checkpoint:
    | { readonly atBegin: Acknowledged; readonly atEnd: Acknowledged | undefined }
    | undefined;
  /** Calls that ended with an error of KotobaDB: its tag, code and what it says of the commit. */
  readonly failed: readonly string[];
  /** Lanes whose last transaction was refused, with the word that nothing of it is there. */
  readonly refused: readonly number[];
  /** "SIGKILL", or "exit 0". */
  readonly end: string;
}

export interface LifeOptions {
  /** Kills it so many milliseconds after it has said this line; undefined: it ends by itself. */
  readonly kill?: { readonly line: string; readonly afterMillis: number };
  /** Stands before `node` on the command line: strace, prlimit. */
  readonly under?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Is told each line, and the id of the process. */
  readonly heard?: (line: string, pid: number) => void;
}

const LIFE_MILLIS_MAX = 60_000;

export async function live(plan: WriterPlan, options: LifeOptions = {}): Promise<Life> {
  const { environment = {}, heard, kill, under = [] } = options;
  const script = await bundleOf("writer.ts");
  const command = [...under, process.execPath, script, JSON.stringify(plan)] as const;
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let output = "";
  let errors = "";
  let spoken = 0;
  const hang = setTimeout(() => child.kill("SIGKILL"), LIFE_MILLIS_MAX);
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
    const lines = output.split("\n").slice(0, -1);
    for (const line of lines.slice(spoken)) {
      heard?.(line, child.pid!);
      if (line === kill?.line) setTimeout(() => child.kill("SIGKILL"), kill.afterMillis);
    }
    spoken = lines.length;
  });
  const startMillis = Date.now();
  const end = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  clearTimeout(hang);
  const story = `aim ${plan.aim}, ${end}, it said:\n${output.slice(-1_000)}\n${errors}`;
  if (Date.now() - startMillis >= LIFE_MILLIS_MAX) throw new Error(`the writer hangs: ${story}`);
  if (end !== "SIGKILL" && end !== "exit 0") throw new Error(`the writer ended badly: ${story}`);
  const told = output.split("\n").slice(0, -1);
  const wrong = told.find((line) => line.startsWith("wrong "));
  if (wrong !== undefined) throw new Error(`${wrong}\n${story}`);
  return { ...lifeOf(told, plan.lanes.length), end };
}

function lifeOf(lines: readonly string[], lanes: number): Omit<Life, "end"> {
  const acknowledged = Array.from({ length: lanes }, () => 0);
  const shown = Array.from({ length: lanes }, () => 0);
  const during = new Set<Aim>();
  const ended: Aim[] = [];
  const failed: string[] = [];
  const refused = new Set<number>();
  let checkpoint: Life["checkpoint"];
  for (const line of lines) {
    const [word, ...rest] = line.split(" ") as [string, ...string[]];
    const what = rest[0] as Aim;
    if (word === "ack") {
      acknowledged[Number(what)]!++;
      refused.delete(Number(what));
    }
    if (word === "refused") refused.add(Number(what));
    if (word === "shown")
      for (const [lane, n] of what.split(",").entries())
        shown[lane] = Math.max(shown[lane]!, Number(n));
    if (word === "failed") failed.push(rest.join(" "));
    if (word === "begin") during.add(what);
    if (word === "end") {
      during.delete(what);
      ended.push(what);
    }
    if (what !== "checkpoint") continue;
    if (word === "begin") checkpoint = { atBegin: [...acknowledged], atEnd: undefined };
    if (word === "end") checkpoint = { ...checkpoint!, atEnd: [...acknowledged] };
  }
  return {
    acknowledged,
    shown,
    during: [...during],
    ended,
    checkpoint,
    failed,
    refused: [...refused],
  };
}
