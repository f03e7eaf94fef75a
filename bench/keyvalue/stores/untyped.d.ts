/** Peers without types of their own: as much of them as is used here. */

declare module "@nxtedition/rocksdb" {
  interface Batch {
    _put(key: Buffer, value: Buffer, options?: object): void;
    _del(key: Buffer, options?: object): void;
    _writeSync(options: { readonly sync: boolean }): void;
  }
  interface Iterator {
    _nextvSync(size: number): { readonly rows: readonly Buffer[]; readonly finished: boolean };
    _closeSync(): void;
  }
  export class RocksLevel {
    constructor(location: string, options: object);
    open(options?: object): Promise<void>;
    close(): Promise<void>;
    batch(): Batch;
    _getManySync(keys: readonly Buffer[], options: object): readonly (Buffer | undefined)[];
    _iterator(options: object): Iterator;
  }
}

declare module "rocksdb-native" {
  interface WriteBatch {
    tryPut(key: Buffer, value: Buffer): void;
    tryDelete(key: Buffer): void;
    flush(): Promise<void>;
    destroy(): void;
  }
  export default class RocksDB {
    constructor(path: string, options?: object);
    ready(): Promise<void>;
    close(): Promise<void>;
    write(options?: object): WriteBatch;
    put(key: Buffer, value: Buffer): Promise<void>;
    get(key: Buffer): Promise<Buffer | null>;
    iterator(
      range: { readonly gte: Buffer; readonly lt: Buffer },
      options: { readonly limit: number; readonly reverse: boolean; readonly capacity: number },
    ): AsyncIterable<{ readonly key: Buffer; readonly value: Buffer }>;
  }
}
