/** Filters as types: object literals whose operators depend on the field. */
import type { AllKeys, Prop, Scalar } from "../schema/document-type.ts";

interface Ops<V> {
  eq?: V;
  ne?: V;
  in?: readonly V[];
  notIn?: readonly V[];
  /** true: the field is there and not null. */
  exists?: boolean;
}
interface OrderOps<V> extends Ops<V> {
  gt?: V;
  gte?: V;
  lt?: V;
  lte?: V;
}
interface StringOps<V> extends OrderOps<V> {
  startsWith?: string;
}
interface ArrayOps<E> {
  has?: E;
  hasAny?: readonly E[];
  hasAll?: readonly E[];
  size?: number;
  /** One element fits all of these. */
  some?: E extends Scalar ? never : Fields<E>;
}
type Nullish<V> = (undefined extends V ? null : never) | (null extends V ? null : never);
type Condition<V, N = NonNullable<V>> = [N] extends [boolean]
  ? N | Ops<N> | Nullish<V>
  : [N] extends [string]
    ? N | StringOps<N> | Nullish<V>
    : [N] extends [Scalar]
      ? N | OrderOps<N> | Nullish<V>
      : [N] extends [readonly (infer E)[]]
        ? ArrayOps<E>
        : [N] extends [object]
          ? Fields<N>
          : Ops<N>;
type Fields<T> = { [K in AllKeys<T>]?: Condition<Prop<T, K>> };

/**
 * Which documents are meant. A plain value means equal; null means null or missing; several conditions must all hold.
 *
 * @example
 * { age: { gte: 18 }, address: { city: "Oslo" }, tags: { has: "math" }, OR: [{ role: "admin" }, { logins: 0 }] }
 */
export type Filter<T> = Fields<T> & {
  AND?: readonly Filter<T>[];
  OR?: readonly Filter<T>[];
  NOT?: Filter<T>;
};
