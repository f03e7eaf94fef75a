/**
 * The six mixes of YCSB, on the rows that are there, one operation after the other:
 * A half reads, half updates; B reads with 5 % updates; C reads; D reads of the newest with 5 % inserts; E short scans with
 * 5 % inserts; F half reads, half read-modify-writes. Which rows: zipfian, in D the newest.
 */
import type { Ground } from "./ground.ts";
import { dataOf, wrongAnswer } from "./ground.ts";
import { seekAndRead } from "./reads.ts";
import { randomOf, uniform, zipfian } from "./rows.ts";

export async function ycsb(ground: Ground): Promise<void> {
  const { counts, recorder, rows } = ground;
  const mix = async (name: string, count: number, step: Step): Promise<void> => {
    const chosen = zipfian(rows.count, count, 71);
    const dice = randomOf(72);
    await recorder.rate(
      `YCSB ${name}`,
      count,
      async () => {
        for (const n of chosen) {
          const answer = step(n, dice);
          if (answer !== undefined) await answer;
        }
      },
      dataOf(ground),
    );
  };
  const steps = new Steps(ground);
  await mix("A", counts.ycsb, (n, dice) => (dice() < 0.5 ? steps.read(n) : steps.update(n)));
  await mix("B", counts.ycsb, (n, dice) => (dice() < 0.95 ? steps.read(n) : steps.update(n)));
  await mix("C", counts.ycsb, (n) => steps.read(n));
  await mix("D", counts.ycsb, (n, dice) => (dice() < 0.95 ? steps.readNewest(n) : steps.insert()));
  await mix("F", counts.ycsb, (n, dice) => (dice() < 0.5 ? steps.read(n) : steps.readAndUpdate(n)));
  await ycsbScans(ground, steps);
}

/** E, apart from the others, since its operations are a hundred times as long. */
async function ycsbScans(ground: Ground, steps: Steps): Promise<void> {
  const { counts, recorder, rows } = ground;
  const starts = zipfian(rows.count, counts.ycsbScans, 73);
  const limits = uniform(100, counts.ycsbScans, 74);
  const dice = randomOf(75);
  await recorder.rate(
    "YCSB E",
    starts.length,
    async () => {
      for (const [i, n] of starts.entries()) {
        if (dice() < 0.95) await seekAndRead(ground, Uint32Array.of(n), limits[i]! + 1);
        else await steps.insert();
      }
    },
    dataOf(ground),
  );
}

/** Undefined: it was done at once. */
type Answer = Promise<unknown> | undefined;
type Step = (n: number, dice: () => number) => Answer;

class Steps {
  readonly #ground: Ground;
  readonly #key: Buffer;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#key = Buffer.alloc(ground.rows.keyBytes);
  }

  read(n: number): Answer {
    const { rows, store } = this.#ground;
    rows.writeKey(this.#key, n);
    const answer = store.stamp(this.#key);
    if (typeof answer !== "number") return answer.then((stamp) => this.#check(n, stamp));
    this.#check(n, answer);
    return undefined;
  }

  /** The n-th newest. */
  readNewest(n: number): Answer {
    const { count } = this.#ground.rows;
    return this.read(count - 1 - (n % count));
  }

  update(n: number): Answer {
    const { rows, store } = this.#ground;
    return promiseOf(store.put(rows.key(n), rows.nextValue(n)));
  }

  insert(): Answer {
    const { rows, store } = this.#ground;
    const n = rows.append();
    return promiseOf(store.put(rows.key(n), rows.value(n)));
  }

  readAndUpdate(n: number): Answer {
    const read = this.read(n);
    return read === undefined ? this.update(n) : read.then(() => this.update(n));
  }

  #check(n: number, stamp: number): void {
    const due = this.#ground.rows.stamp(n);
    if (stamp !== due) throw wrongAnswer(`get of row ${n}`, due, stamp);
  }
}

function promiseOf(answer: unknown): Answer {
  return answer instanceof Promise ? answer : undefined;
}
