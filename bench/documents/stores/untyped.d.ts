/** PouchDB, as much of it as is used here: its published types change those of Node's Buffer for everybody. */
declare module "pouchdb" {
  interface Row<T> {
    readonly id: string;
    readonly value: unknown;
    readonly doc?: T;
  }
  interface Query {
    readonly startkey?: unknown;
    readonly endkey?: unknown;
    readonly inclusive_end?: boolean;
    readonly include_docs?: boolean;
    readonly reduce?: boolean;
    readonly skip?: number;
    readonly limit?: number;
  }
  export default class PouchDB<T extends object> {
    constructor(path: string, options: { readonly auto_compaction: boolean });
    get(id: string): Promise<T>;
    put(document: object): Promise<{ readonly id: string }>;
    bulkDocs(documents: readonly object[]): Promise<readonly object[]>;
    allDocs(query: Query): Promise<{ readonly rows: readonly Row<T>[] }>;
    query(view: string, query: Query): Promise<{ readonly rows: readonly Row<T>[] }>;
    close(): Promise<void>;
  }
}
