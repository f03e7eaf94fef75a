/** The public surface with its types wiped off: programs are data, and some of them are wrong on purpose. */
import type { KotobaError } from "kotobadb";
import type { CollectionName } from "./plain.ts";
import type { Doc, Fields } from "./values.ts";

export interface LoosePage {
  readonly items: readonly Doc[];
  readonly next: string | null;
  readonly previous: string | null;
}
export interface LooseQuery {
  where(filter: object): LooseFound;
  filter(test: (document: Doc) => boolean): LooseQuery;
  orderBy(path: string, direction?: string): LooseQuery;
  reverse(): LooseQuery;
  limit(count: number): LooseQuery;
  select(...fields: string[]): LooseQuery;
  all(): Promise<Doc[]>;
  first(): Promise<Doc | undefined>;
  one(): Promise<Doc>;
  count(): Promise<number>;
  exists(): Promise<boolean>;
  page(options: object): Promise<LoosePage>;
  stream(): AsyncIterable<Doc>;
  aggregate(figures: object): Promise<object>;
  groupBy(...paths: string[]): { aggregate(figures: object): Promise<Fields[]> };
  explain(options?: object): Promise<{
    readonly text: string;
    readonly actual?: { readonly rows: number };
  }>;
}
interface LooseFound extends LooseQuery {
  update(change: object): Promise<number>;
  delete(): Promise<number>;
}
interface LooseIndexQuery extends LooseQuery {
  gt(value: unknown): LooseIndexQuery;
  gte(value: unknown): LooseIndexQuery;
  lt(value: unknown): LooseIndexQuery;
  lte(value: unknown): LooseIndexQuery;
  between(from: unknown, to: unknown): LooseIndexQuery;
  startsWith(prefix: unknown): LooseIndexQuery;
}
export interface LooseCollection extends LooseQuery {
  get(id: string): Promise<Doc | undefined>;
  getOrThrow(id: string): Promise<Doc>;
  getMany(ids: readonly string[]): Promise<(Doc | undefined)[]>;
  find(where: object): Promise<Doc | undefined>;
  insert(document: object): Promise<Doc>;
  insertMany(documents: readonly object[]): Promise<Doc[]>;
  update(id: string, change: object): Promise<Doc>;
  replace(id: string, document: object): Promise<Doc>;
  upsert(where: object, values: { create: object; update: object }): Promise<Doc>;
  delete(id: string): Promise<boolean>;
  index(name: string, ...prefix: unknown[]): LooseIndexQuery;
}
export type Loose = Readonly<Record<CollectionName, LooseCollection>>;
export interface LooseTx extends Loose {
  readonly attempt: number;
  onCommit(hook: () => void): void;
}
export interface LooseSnapshot extends Loose {
  close(): void;
}
export interface LooseDb extends Loose {
  transaction<A>(body: (tx: LooseTx) => Promise<A>, options?: object): Promise<A>;
  snapshot(): LooseSnapshot;
  verify(): Promise<{ readonly ok: boolean; readonly problems: readonly string[] }>;
  ready(): Promise<void>;
  expire(): Promise<number>;
  compact(): Promise<void>;
  checkpoint(directory: string): Promise<void>;
  stats(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

/** What an operation ended with. */
export type Outcome<T> = { readonly value: T } | { readonly error: Error };
export async function outcomeOf<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(`thrown: ${String(error)}`) };
  }
}

/** Told by its tag and not by its class, as callers do. */
export function tagOf(error: Error): string {
  return (error as Partial<KotobaError>)._tag ?? error.name;
}
