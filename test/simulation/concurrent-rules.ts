/**
 * Rules of an application that only serializability keeps: each is a body that looks before it writes, run by many at
 * once, and a check of what they leave. The same bodies without a transaction must break them: that they can be broken is
 * part of the test.
 */
import { collection, inc } from "kotobadb";
import type { Db } from "kotobadb";
import { z } from "zod";
import type { SeededRandom } from "../../src/testing/kit/index.ts";

const definitions = {
  orders: collection(
    "orders",
    z.object({ customer: z.string(), open: z.boolean(), n: z.number() }),
    {
      indexes: {
        openOnes: { on: ["customer"], where: { open: true } },
        byCustomer: ["customer", "-n"],
      },
    },
  ),
  users: collection("users", z.object({ email: z.string(), by: z.number() }), {
    indexes: { byEmail: ["email"] },
  }),
  doctors: collection(
    "doctors",
    z.object({ shift: z.number(), onCall: z.boolean(), name: z.string() }),
    {
      indexes: { onCall: { on: ["shift"], where: { onCall: true } } },
    },
  ),
  accounts: collection("accounts", z.object({ owner: z.string(), balance: z.number() }), {
    indexes: { byBalance: ["balance"], byOwner: { on: ["owner"], include: ["balance"] } },
  }),
  jobs: collection("jobs", z.object({ urgency: z.number(), at: z.number(), name: z.string() }), {
    indexes: { queue: ["-urgency", "at"] },
  }),
  taken: collection("taken", z.object({ job: z.string(), by: z.number() })),
  rooms: collection("rooms", z.object({ room: z.string(), from: z.number(), to: z.number() }), {
    indexes: { byRoom: ["room", "from"] },
  }),
  tickets: collection("tickets", z.object({ number: z.number() }), {
    indexes: { byNumber: ["number"] },
  }),
};
export const collections: typeof definitions = definitions;
export type Database = Db<typeof definitions>;
/** What a body works on: a transaction, or the database itself, where nothing holds its steps together. */
export type Hands = Pick<Database, keyof typeof definitions>;

/** What a body draws from, and how it waits between its steps. */
export interface Turn {
  readonly random: SeededRandom;
  readonly pause: () => Promise<void>;
  readonly worker: number;
}
export interface Rule {
  readonly name: string;
  readonly prepare: (db: Database) => Promise<void>;
  /** Draws at once, and gives the body that may run several times. */
  readonly draw: (turn: Turn) => (on: Hands) => Promise<void>;
  /** What is wrong, in words; undefined if the rule was kept. */
  readonly broken: (db: Database, commits: number) => Promise<string | undefined>;
}

const OPEN_MAX = 3;
const customers = ["ada", "bob"];
const openOrders: Rule = {
  name: `at most ${OPEN_MAX} open orders for each customer, by count()`,
  prepare: async () => undefined,
  draw: ({ pause, random, worker }) => {
    const customer = customers[random.below(2)]!;
    const closes = random.oneIn(3);
    return async ({ orders }) => {
      const open = orders.where({ customer, open: true });
      if (closes) {
        const first = await open.first();
        await pause();
        if (first !== undefined) await orders.update(first.id, { open: false });
        return;
      }
      const count = await open.count();
      await pause();
      if (count < OPEN_MAX) await orders.insert({ customer, open: true, n: worker });
    };
  },
  broken: async ({ orders }) => {
    for (const customer of customers) {
      const count = await orders.where({ customer, open: true }).count();
      if (count > OPEN_MAX) return `${customer} has ${count} open orders`;
    }
    return undefined;
  },
};

const emails = ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"];
const onceEach: Rule = {
  name: "an email once, by looking before inserting, without a unique index",
  prepare: async () => undefined,
  draw: ({ pause, random, worker }) => {
    const email = emails[random.below(emails.length)]!;
    const way = random.below(3);
    const removes = random.oneIn(6);
    return async ({ users }) => {
      const query = users.where({ email });
      if (removes) {
        const found = await query.first();
        if (found !== undefined) await users.delete(found.id);
        return;
      }
      const there =
        way === 0
          ? await query.exists()
          : way === 1
            ? (await users.index("byEmail", email).all()).length > 0
            : (await users.orderBy("email").all()).some((user) => user.email === email);
      await pause();
      if (!there) await users.insert({ email, by: worker });
    };
  },
  broken: async ({ users }) => {
    const found = (await users.all()).map(({ email }) => email);
    return new Set(found).size < found.length ? `twice: ${found.toSorted().join()}` : undefined;
  },
};

const DOCTORS = 3;
const onCall: Rule = {
  name: "a doctor on call in every shift, by a partial index",
  prepare: async ({ doctors }) => {
    const all = [0, 1].flatMap((shift) =>
      Array.from({ length: DOCTORS }, (_, i) => ({ shift, onCall: true, name: `${shift}/${i}` })),
    );
    await doctors.insertMany(all);
  },
  draw: ({ pause, random }) => {
    const shift = random.below(2);
    const [name, leaves] = [`${shift}/${random.below(DOCTORS)}`, !random.oneIn(3)];
    return async ({ doctors }) => {
      const there = await doctors.where({ shift, onCall: true }).all();
      await pause();
      const me = await doctors.where({ shift, name }).one();
      if (!leaves) await doctors.update(me.id, { onCall: true });
      else if (me.onCall && there.length > 1) await doctors.update(me.id, { onCall: false });
    };
  },
  broken: async ({ doctors }) => {
    for (const shift of [0, 1]) {
      if (!(await doctors.where({ shift, onCall: true }).exists()))
        return `shift ${shift} is empty`;
    }
    return undefined;
  },
};

const ACCOUNTS = 6;
const SUM = ACCOUNTS * 100;
const sameSum: Rule = {
  name: "a sum that moves between documents stays the same, also for those who read it",
  prepare: async ({ accounts }) => {
    const all = Array.from({ length: ACCOUNTS }, (_, i) => ({ owner: `o${i}`, balance: 100 }));
    await accounts.insertMany(all);
  },
  draw: ({ pause, random }) => {
    const [way, amount] = [random.below(4), 1 + random.below(60)];
    const [first, second] = [`o${random.below(ACCOUNTS)}`, `o${random.below(ACCOUNTS)}`];
    return async ({ accounts }) => {
      if (way === 0) {
        const balances = await accounts.select("balance").all();
        const sum = balances.reduce((all, { balance }) => all + balance, 0);
        if (sum !== SUM) throw new Error(`read a sum of ${sum}`);
        return;
      }
      // From the richest, found by an index that the move itself changes; or between two by name.
      const from =
        way === 1
          ? await accounts.orderBy("balance", "desc").first()
          : await accounts.where({ owner: first }).one();
      await pause();
      const to = await accounts.where({ owner: second }).one();
      if (from === undefined || from.id === to.id || from.balance < amount) return;
      await accounts.update(from.id, { balance: from.balance - amount });
      await pause();
      if (way === 2) await accounts.update(to.id, { balance: to.balance + amount });
      else await accounts.update(to.id, { balance: inc(amount) });
    };
  },
  broken: async ({ accounts }) => {
    const all = await accounts.all();
    const sum = all.reduce((total, { balance }) => total + balance, 0);
    const low = all.find(({ balance }) => balance < 0);
    if (low !== undefined) return `${low.owner} has ${low.balance}`;
    return sum === SUM ? undefined : `the sum is ${sum}`;
  },
};

const JOBS = 40;
const queue: Rule = {
  name: "a queue: each job is taken once, the most urgent first",
  prepare: async ({ jobs }) => {
    const all = Array.from({ length: JOBS }, (_, i) => ({
      urgency: i % 3,
      at: i,
      name: `job ${i}`,
    }));
    await jobs.insertMany(all);
  },
  draw: ({ pause, worker }) => {
    return async ({ jobs, taken }) => {
      const next = await jobs.orderBy("urgency", "desc").orderBy("at").first();
      await pause();
      if (next === undefined) return;
      if (!(await jobs.delete(next.id))) throw new Error(`${next.name} was gone`);
      await taken.insert({ job: next.name, by: worker });
    };
  },
  broken: async ({ jobs, taken }, commits) => {
    const names = (await taken.all()).map(({ job }) => job);
    const wanted = Array.from({ length: JOBS }, (_, i) => i)
      .toSorted((a, b) => (b % 3) - (a % 3) || a - b)
      .slice(0, commits)
      .map((i) => `job ${i}`);
    if (names.toSorted().join() !== wanted.toSorted().join())
      return `taken: ${names.join()}; wanted: ${wanted.join()}`;
    const left = await jobs.count();
    return left === JOBS - wanted.length ? undefined : `${left} jobs are left`;
  },
};

const HOURS = 12;
const rooms: Rule = {
  name: "bookings of a room do not overlap, by a range over an index",
  prepare: async () => undefined,
  draw: ({ pause, random }) => {
    const [room, from] = [`r${random.below(2)}`, random.below(HOURS)];
    const to = from + 1 + random.below(3);
    const cancels = random.oneIn(4);
    return async ({ rooms: bookings }) => {
      if (cancels) {
        const last = await bookings.index("byRoom", room).lt(to).reverse().first();
        await pause();
        if (last !== undefined) await bookings.delete(last.id);
        return;
      }
      const before = await bookings
        .where({ room, from: { lte: from } })
        .orderBy("from", "desc")
        .first();
      await pause();
      const within = await bookings.index("byRoom", room).between(from, to).count();
      if (within > 0 || (before !== undefined && before.to > from)) return;
      await bookings.insert({ room, from, to });
    };
  },
  broken: async ({ rooms: bookings }) => {
    const all = await bookings.orderBy("room").orderBy("from").all();
    const overlap = all.find(
      (one, i) => i > 0 && all[i - 1]!.room === one.room && all[i - 1]!.to > one.from,
    );
    return overlap === undefined ? undefined : `overlap in ${overlap.room} at ${overlap.from}`;
  },
};

const tickets: Rule = {
  name: "numbers without gap or repetition, by the greatest so far",
  prepare: async () => undefined,
  draw: ({ pause }) => {
    return async ({ tickets: all }) => {
      const last = await all.orderBy("number", "desc").limit(1).select("number").first();
      await pause();
      await all.insert({ number: (last?.number ?? 0) + 1 });
    };
  },
  broken: async ({ tickets: all }, commits) => {
    const numbers = (await all.orderBy("number").all()).map(({ number }) => number);
    const right = numbers.length === commits && numbers.every((number, i) => number === i + 1);
    return right ? undefined : `${commits} commits gave ${numbers.join()}`;
  },
};

export const rules: readonly Rule[] = [
  openOrders,
  onceEach,
  onCall,
  sameSum,
  queue,
  rooms,
  tickets,
];
