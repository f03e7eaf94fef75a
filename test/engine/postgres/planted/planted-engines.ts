/**
 * The engine on PostgreSQL with one weakness each, such as an adapter may have: what the contract suite, the histories and
 * the question at open() are worth shows in whether they notice. Weaker isolations are in postgres-histories.test.ts.
 */
import { andThen } from "../../../../src/base/index.ts";
import type { Awaitable } from "../../../../src/base/index.ts";
import { StorageError } from "../../../../src/engine/contract/index.ts";
import type {
  CommitPlan,
  CommitResult,
  EngineTransaction,
  Page,
  Scan,
  StorageEngine,
} from "../../../../src/engine/contract/index.ts";

/** A case of the suite that has failed may no longer wait for what it began. */
function unheard<T>(result: T): T {
  if (result instanceof Promise) result.catch(() => undefined);
  return result;
}

/** The same object with other members in the place of some; the others are called on the object itself. */
function withMembers<T extends object>(
  of: T,
  members: { readonly [N in keyof T]?: T[N] | undefined },
): T {
  return new Proxy(of, {
    get: (target, name) => {
      const isOther = Object.hasOwn(members, name);
      const member: unknown = isOther
        ? members[name as keyof T]
        : Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => unheard(Reflect.apply(member, target, args));
    },
  });
}

/**
 * Ranges are read beside the transaction, on a connection of their own: the rows are right, and the server does not know
 * that this transaction depends on them.
 */
export function readsRangesBeside(engine: StorageEngine): StorageEngine {
  return withMembers(engine, {
    begin: (options) => andThen(engine.begin(options), (inner) => rangesBeside(engine, inner)),
  });
}

function rangesBeside(engine: StorageEngine, inner: EngineTransaction): EngineTransaction {
  let beside: Awaitable<EngineTransaction> | undefined;
  const scan: EngineTransaction["scan"] = (range, options) => {
    let opened: Scan | undefined;
    return {
      next: () => {
        const page = async (): Promise<Page> => {
          const view = await (beside ??= engine.begin({ readOnly: true }));
          return await (opened ??= view.scan(range, options)).next();
        };
        return unheard(page());
      },
      close: () => opened?.close(),
    };
  };
  const end = (): void => void andThen(beside, (view) => view?.abort());
  return withMembers(inner, {
    scan,
    // The layers above make these of scan().
    scanMany: undefined,
    scanRefs: undefined,
    commit: async (plan) => {
      end();
      return await inner.commit(plan);
    },
    abort: () => {
      end();
      inner.abort();
    },
  });
}

/** What a transaction presumes is believed. */
export function believesPresumptions(engine: StorageEngine): StorageEngine {
  return withMembers(engine, {
    begin: (options) =>
      andThen(engine.begin(options), (inner) => withMembers(inner, { presume: () => true })),
  });
}

/** A commit whose answer is lost is taken for one that did not happen, so that it is run again. */
export function takesLostForRefused(engine: StorageEngine): StorageEngine {
  const committing = async (work: () => Awaitable<CommitResult>): Promise<CommitResult> => {
    try {
      return await work();
    } catch (error) {
      const isLost = error instanceof StorageError && error.code === "CommitUnknown";
      throw isLost ? new StorageError("Unavailable", {}, { cause: error }) : (error as Error);
    }
  };
  return withMembers(engine, {
    write: (plan) => committing(() => engine.write(plan)),
    begin: (options) =>
      andThen(engine.begin(options), (inner) =>
        withMembers(inner, {
          commit: (plan: CommitPlan) => committing(() => inner.commit(plan)),
        }),
      ),
  });
}

/** Does not say that its answers may be lost, so nobody settles what became of a commit. */
export function hidesThatAnswersMayBeLost(engine: StorageEngine): StorageEngine {
  const capabilities = { ...engine.capabilities, answersMayBeLost: false };
  return withMembers(engine, { capabilities });
}
