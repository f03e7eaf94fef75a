/** Documents and ids as types. */

declare const brand: unique symbol;

/** The id of a document of the collection N: a string that the compiler does not take for another collection's. */
export type Id<N extends string> = string & { readonly [brand]: N };

/** What a field may hold at the leaves: the values that have an order and can be indexed. */
export type Scalar = string | number | boolean | bigint | Date | Uint8Array | null | undefined;

/** Shows a computed type as the plain object it is. */
export type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** A document as it is read: what the schema gives, with its id. Unions stay unions. */
export type WithId<N extends string, T> = T extends T
  ? Simplify<{ readonly id: Id<N> } & T>
  : never;

/** Every property name of any member of a union. */
export type AllKeys<T> = T extends T ? keyof T & string : never;

/** The type of property K, undefined where a member of the union lacks it. */
export type Prop<T, K extends PropertyKey> = T extends T
  ? K extends keyof T
    ? T[K]
    : undefined
  : never;
