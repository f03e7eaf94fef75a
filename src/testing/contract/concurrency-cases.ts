/** Cases about many transactions at once: work that only comes out right if every commit is whole and serial (laws 5, 6). */
import type { WriteOp } from "../../engine/contract/index.ts";
import {
  bytesOf,
  contractCase,
  expectEqual,
  expectTrue,
  outcomeOf,
  textOf,
} from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";
import { pause, retried } from "../kit/index.ts";
import type { TrackedTransaction } from "../kit/index.ts";

function times<T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => work(i)));
}

/** Runs `read` over and over for as long as `writers` run, at least once. */
async function readMeanwhile(writers: Promise<unknown>, read: () => Promise<void>): Promise<void> {
  let running = true;
  const writing = writers.finally(() => {
    running = false;
  });
  const reading = (async () => {
    do {
      await read();
      await pause();
    } while (running);
  })();
  await Promise.all([writing, reading]);
}

async function numberIn(
  transaction: TrackedTransaction,
  place: Place,
  name: string,
): Promise<number> {
  return Number(textOf(await transaction.get(place.key(name))) ?? 0);
}

const batchesAreSeenWhole = contractCase("a reader never sees half a batch", [5], async (place) => {
  const ops = (i: number): WriteOp[] => [
    { op: "delRange", range: place.range() },
    ...place.puts({ a: `${i}`, b: `${i}`, [`n${i}`]: `${i}` }),
  ];
  await place.write(ops(0));
  const writer = (async () => {
    for (let i = 1; i <= 60; i++) {
      await place.write(ops(i));
      if (i % 3 === 0) await pause();
    }
  })();
  await readMeanwhile(writer, async () => {
    const rows = await place.entries();
    expectEqual(rows.length, 3, `rows of ${rows.join()}`);
    expectEqual(new Set(rows.map((row) => row.split("=")[1])).size, 1, `batches in ${rows.join()}`);
  });
});

const transactionsAreSeenWhole = contractCase(
  "a reader never sees half a transaction, nor anything of one that was aborted",
  [5],
  async (place) => {
    await place.seed({ a: "0", z: "0" });
    const writers = times(3, async (writer) => {
      for (let i = 0; i < 15; i++) {
        const aborted = await place.begin();
        await aborted.get(place.key("a"));
        aborted.put(place.key("z"), bytesOf("never"));
        aborted.abort();
        await retried(place.engine, async (transaction) => {
          await transaction.get(place.key("a"));
          for (const name of ["a", "z"]) {
            transaction.put(place.key(name), bytesOf(`${writer}.${i}`));
          }
        });
      }
    });
    await readMeanwhile(writers, async () => {
      const rows = await place.entries();
      expectEqual(rows.length, 2, "rows");
      expectEqual(rows[0]!.slice(2), rows[1]!.slice(2), "the two values");
    });
  },
);

const disjointEnd = contractCase(
  "transactions that touch different keys all commit in the end",
  [6],
  async (place) => {
    await times(20, (i) =>
      retried(place.engine, async (transaction) => {
        const key = place.key(`k${String(i).padStart(2, "0")}`);
        await transaction.get(key);
        transaction.put(key, bytesOf("1"));
      }),
    );
    expectEqual((await place.entries()).length, 20, "rows");
  },
);

const counter = contractCase(
  "a counter that eight writers read and increase loses no increment",
  [6],
  async (place) => {
    await times(8, async () => {
      for (let i = 0; i < 10; i++) {
        await retried(place.engine, async (transaction) => {
          const count = await numberIn(transaction, place, "n");
          transaction.put(place.key("n"), bytesOf(`${count + 1}`));
        });
      }
    });
    expectEqual(await place.value("n"), "80", "count");
  },
);

const ACCOUNTS = 8;
const BALANCE = 100;

const bank = contractCase(
  "transfers between accounts keep the sum, and every reader sees it whole",
  [3, 5, 6],
  async (place) => {
    const account = (i: number): string => `account ${i % ACCOUNTS}`;
    await place.seed(
      Object.fromEntries(Array.from({ length: ACCOUNTS }, (_, i) => [account(i), `${BALANCE}`])),
    );
    const sumOf = (rows: readonly string[]): number =>
      rows.reduce((sum, row) => sum + Number(row.split("=")[1]), 0);
    const writers = times(6, async (writer) => {
      for (let i = 0; i < 12; i++) {
        const [from, to] = [account(writer + i), account(writer * 3 + i * 7 + 1)];
        if (from === to) continue;
        await retried(place.engine, async (transaction) => {
          const payer = await numberIn(transaction, place, from);
          if (i % 4 === 0) await pause();
          const payee = await numberIn(transaction, place, to);
          const amount = Math.min(payer, 7);
          transaction.put(place.key(from), bytesOf(`${payer - amount}`));
          transaction.put(place.key(to), bytesOf(`${payee + amount}`));
        });
      }
    });
    await readMeanwhile(writers, async () => {
      const rows = await retried(
        place.engine,
        async (reader) => place.entriesOf(reader.inner, place.range()),
        { readOnly: true },
      );
      expectEqual(sumOf(rows), ACCOUNTS * BALANCE, "the sum a reader saw");
    });
    expectEqual(sumOf(await place.entries()), ACCOUNTS * BALANCE, "the sum at the end");
  },
);

const doctors = contractCase(
  "of six doctors on call who may leave while another stays, one stays",
  [6],
  async (place) => {
    const names = Array.from({ length: 6 }, (_, i) => `doctor ${i}`);
    await place.seed(Object.fromEntries(names.map((name) => [name, "on"])));
    await Promise.all(
      names.map((name) =>
        retried(place.engine, async (transaction) => {
          const all = await transaction.entries(place.range());
          const onCall = all.filter(({ value }) => textOf(value) === "on");
          await pause();
          if (onCall.length > 1) transaction.put(place.key(name), bytesOf("off"));
        }),
      ),
    );
    const rows = await place.entries();
    expectEqual(rows.filter((row) => row.endsWith("=on")).length, 1, "doctors on call");
  },
);

const uniqueInsert = contractCase(
  "of ten who insert one key, one succeeds and nine are told that the requirement failed",
  [5, 7],
  async (place) => {
    const outcomes = await times(10, (i) =>
      outcomeOf(() =>
        retried(place.engine, async (transaction) => {
          await transaction.get(place.key(`own ${i}`));
          await pause();
          transaction.require({ is: "absent", key: place.key("mail") });
          transaction.put(place.key("mail"), bytesOf(`${i}`));
          transaction.put(place.key(`own ${i}`), bytesOf("1"));
        }),
      ),
    );
    const count = (wanted: string): number => outcomes.filter((it) => it === wanted).length;
    expectEqual([count("ok"), count("RequirementFailed")], [1, 9], "ok, RequirementFailed");
    const winner = outcomes.indexOf("ok");
    expectEqual(await place.entries(), [`mail=${winner}`, `own ${winner}=1`], "rows");
  },
);

const jobQueue = contractCase(
  "each job of a queue is taken by one worker, and none is left",
  [6],
  async (place) => {
    const jobs = Array.from({ length: 24 }, (_, i) => `job ${String(i).padStart(2, "0")}`);
    const taken: string[] = [];
    let left = jobs.length;
    const takeFirst = async (transaction: TrackedTransaction): Promise<string | undefined> => {
      const [first] = await transaction.entries(place.range("job"), { limit: 1 });
      if (first === undefined) return undefined;
      await pause();
      transaction.del(first.key);
      return textOf(first.value);
    };
    const workers = times(4, async () => {
      while (left > 0) {
        const job = await retried(place.engine, takeFirst);
        if (job === undefined) await pause();
        else {
          taken.push(job);
          left--;
        }
      }
    });
    for (const job of jobs) await place.seed({ [job]: job });
    await workers;
    expectEqual(taken.toSorted(), jobs, "jobs taken");
    expectEqual(await place.entries(), [], "rows left");
  },
);

const manyOpen = contractCase(
  "many transactions may be open at once, each with the state it began with",
  [3],
  async (place) => {
    const count = Math.min(place.engine.capabilities.openTransactions, 100);
    const open: TrackedTransaction[] = [];
    for (let i = 0; i < count; i++) {
      await place.seed({ a: `${i}` });
      const transaction = await place.begin();
      await transaction.get(place.key("a"));
      open.push(transaction);
    }
    for (const [i, transaction] of open.entries()) {
      expectEqual(textOf(await transaction.get(place.key("a"))), `${i}`, "value");
    }
    for (const transaction of open.toReversed()) transaction.abort();
  },
);

const withoutExclusive = {
  skipReason: (engine: Place["engine"]) =>
    engine.capabilities.exclusive ? undefined : "has no exclusive transactions",
};

/** A case that fails leaves what it started behind; nobody is told then what becomes of it. */
function started<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

/** Lets everything happen that can: what has not happened after this waits for something. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await pause();
}

const exclusiveCannotLose = contractCase(
  "an exclusive transaction cannot lose, and other commits wait until it has ended",
  [5, 6],
  async (place) => {
    await place.seed({ n: "0" });
    const events: string[] = [];
    let outcome = "";
    const early = await place.begin();
    await early.get(place.key("other"));
    early.put(place.key("early"), bytesOf("1"));
    const exclusive = await place.begin({ exclusive: true });
    const count = await numberIn(exclusive, place, "n");
    const others = started(
      Promise.all([
        (async () => {
          await place.seed({ n: "from a batch" });
          events.push("batch");
        })(),
        (async () => {
          outcome = await outcomeOf(() => early.commit());
          events.push("transaction");
        })(),
      ]),
    );
    await settle();
    expectEqual(events, [], "commits beside an open exclusive transaction");
    exclusive.put(place.key("n"), bytesOf(`${count + 1}`));
    exclusive.put(place.key("seen"), bytesOf(`${count}`));
    expectEqual(await outcomeOf(() => exclusive.commit()), "ok", "the exclusive commit");
    await others;
    // Nothing that it read has changed, but an engine need not see that so exactly.
    const isIn = outcome === "ok";
    if (!isIn) expectEqual(outcome, "Conflict", "the transaction that waited");
    const rows = [...(isIn ? ["early=1"] : []), "n=from a batch", "seen=0"];
    expectEqual(await place.entries(), rows, "rows, the batch after the exclusive one");
  },
  withoutExclusive,
);

const waitersAreChecked = contractCase(
  "a commit that waited for an exclusive transaction is checked against what that one changed",
  [6],
  async (place) => {
    await place.seed({ a: "0" });
    const waiting = await place.begin();
    await waiting.get(place.key("a"));
    waiting.put(place.key("b"), bytesOf("1"));
    const exclusive = await place.begin({ exclusive: true });
    await exclusive.get(place.key("b"));
    const outcome = outcomeOf(() => waiting.commit());
    const required = outcomeOf(() =>
      place.write([place.put("c", "1")], {
        requires: [{ is: "equal", key: place.key("a"), value: bytesOf("0") }],
      }),
    );
    await settle();
    exclusive.put(place.key("a"), bytesOf("1"));
    expectEqual(await outcomeOf(() => exclusive.commit()), "ok", "the exclusive commit");
    expectEqual(await outcome, "Conflict", "the commit that waited");
    expectEqual(await required, "RequirementFailed", "the requirement that waited");
    expectEqual(await place.entries(), ["a=1"], "rows");
  },
  withoutExclusive,
);

const exclusiveTakeTurns = contractCase(
  "exclusive transactions take turns, and one that is aborted makes way",
  [6],
  async (place) => {
    const first = await place.begin({ exclusive: true });
    let second: TrackedTransaction | undefined;
    const begun = started(
      (async () => {
        second = await place.begin({ exclusive: true });
      })(),
    );
    await settle();
    expectTrue(second === undefined, "the second waits for its turn");
    first.abort();
    await begun;
    second?.put(place.key("a"), bytesOf("1"));
    await second?.commit();
    await times(5, async () => {
      const transaction = await place.begin({ exclusive: true });
      const count = await numberIn(transaction, place, "n");
      await pause();
      transaction.put(place.key("n"), bytesOf(`${count + 1}`));
      expectEqual(await outcomeOf(() => transaction.commit()), "ok", "an exclusive commit");
    });
    expectEqual(await place.entries(), ["a=1", "n=5"], "rows");
  },
  withoutExclusive,
);

const exclusiveReadersGoOn = contractCase(
  "readers and beginners do not wait for an exclusive transaction, and see nothing of it before its end",
  [3, 5],
  async (place) => {
    await place.seed({ a: "0" });
    const exclusive = await place.begin({ exclusive: true });
    await exclusive.get(place.key("a"));
    exclusive.put(place.key("a"), bytesOf("1"));
    expectEqual(await place.value("a"), "0", "a read beside it");
    const reader = await place.begin();
    expectEqual(textOf(await reader.get(place.key("a"))), "0", "a transaction beside it");
    await exclusive.commit();
    expectEqual(textOf(await reader.get(place.key("a"))), "0", "the same one after it");
    reader.put(place.key("a"), bytesOf("2"));
    expectEqual(await outcomeOf(() => reader.commit()), "Conflict", "its commit");
    expectEqual(await place.value("a"), "1", "newest");
  },
  withoutExclusive,
);

const exclusiveCanBeGivenUp = contractCase(
  "who waits for an exclusive turn may give up, and the line goes on without it",
  [10],
  async (place) => {
    const first = await place.begin({ exclusive: true });
    const patience = new AbortController();
    const reason = new Error("no patience");
    const waiting = place.begin({ exclusive: true, signal: patience.signal }).then(
      () => "begun",
      (error: unknown) => error,
    );
    const third = started(place.begin({ exclusive: true }));
    await settle();
    patience.abort(reason);
    expectTrue((await waiting) === reason, "the wait ends with the signal's reason");
    first.abort();
    const transaction = await third;
    transaction.put(place.key("a"), bytesOf("1"));
    await transaction.commit();
    expectEqual(await place.value("a"), "1", "value");
  },
  withoutExclusive,
);

export const concurrencyCases: readonly ContractCase[] = [
  batchesAreSeenWhole,
  transactionsAreSeenWhole,
  disjointEnd,
  counter,
  bank,
  doctors,
  uniqueInsert,
  jobQueue,
  manyOpen,
  exclusiveCannotLose,
  waitersAreChecked,
  exclusiveTakeTurns,
  exclusiveReadersGoOn,
  exclusiveCanBeGivenUp,
];
