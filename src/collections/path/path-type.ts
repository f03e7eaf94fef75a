/** Paths into documents as types: 'age', 'address.city', 'tags[]', 'items[].sku'. */
import type { Prop, Scalar } from "../schema/document-type.ts";

type Elem<A> = NonNullable<A> extends readonly (infer E)[] ? E : never;

/** All paths of T that hold scalars, four levels deep so that types stay cheap; [] stands for each element of an array. */
export type Path<T, D extends 0[] = []> = D["length"] extends 4
  ? never
  : T extends Scalar
    ? never
    : T extends T
      ? { [K in keyof T & string]-?: PathOf<K, NonNullable<T[K]>, D> }[keyof T & string]
      : never;
type PathOf<K extends string, V, D extends 0[]> = [V] extends [Scalar]
  ? K
  : V extends readonly (infer E)[]
    ? [NonNullable<E>] extends [Scalar]
      ? `${K}[]`
      : `${K}[].${Path<NonNullable<E>, [...D, 0]>}`
    : V extends Scalar
      ? K
      : V extends object
        ? `${K}.${Path<V, [...D, 0]>}`
        : never;

/** The paths that lead to one value, not to each element of an array: what can be sorted by. */
export type SinglePath<T> = Exclude<Path<T>, `${string}[]${string}`>;

/** What stands at a path. */
export type ValueAt<T, P extends string> = P extends `${infer A}[].${infer B}`
  ? ValueAt<Elem<ValueAt<T, A>>, B>
  : P extends `${infer A}[]`
    ? Elem<ValueAt<T, A>>
    : P extends `${infer A}.${infer B}`
      ? ValueAt<NonNullable<Prop<T, A>>, B>
      : Prop<T, P>;
