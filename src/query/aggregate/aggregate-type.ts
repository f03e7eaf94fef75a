/** What aggregate() and groupBy() take and give, as types. */
import type { Path, ValueAt } from "../../collections/index.ts";

type Sum<V> = [V] extends [number] ? number : [V] extends [bigint] ? bigint : never;
/** The paths that lead to numbers only, or to bigints only. */
type NumberPath<T> = {
  [P in Path<T>]: [Sum<NonNullable<ValueAt<T, P>>>] extends [never] ? never : P;
}[Path<T>];

/** One figure over the documents of a query; with [] in the path, over the elements of their lists. */
type Aggregate<T> =
  | { readonly count: true }
  | { readonly sum: NumberPath<T> }
  | { readonly avg: NumberPath<T> }
  | { readonly min: Path<T> }
  | { readonly max: Path<T> };
/** Figures by the names that the result gives them. */
export type Aggregates<T> = { readonly [name: string]: Aggregate<T> };

type ResultOf<T, S> = S extends { readonly count: true }
  ? number
  : S extends { readonly sum: infer P extends string }
    ? Sum<NonNullable<ValueAt<T, P>>>
    : S extends { readonly avg: string }
      ? number | null
      : S extends { readonly min: infer P extends string }
        ? NonNullable<ValueAt<T, P>> | null
        : S extends { readonly max: infer P extends string }
          ? NonNullable<ValueAt<T, P>> | null
          : never;
/** The figures of A. A sum of nothing is 0; an average, a minimum or a maximum of nothing is null. */
export type AggregateResult<T, A> = { -readonly [N in keyof A]: ResultOf<T, A[N]> };

/** A value to group by: null where the field is null or missing. */
export type GroupValue<T, P extends string> =
  ValueAt<T, P> extends infer V
    ? NonNullable<V> | (undefined extends V ? null : never) | (null extends V ? null : never)
    : never;
