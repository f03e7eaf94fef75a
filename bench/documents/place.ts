/** Where a page ends, for stores that find a place in an index by its values only: the values, and how many had them. */
import type { Person } from "./person.ts";

export interface Place {
  readonly city: string;
  readonly age: number;
  /** So many people of this city and age were on the pages so far. */
  readonly seen: number;
}

/** `before`: the place behind which `items` begin. */
export function placeBehind(items: readonly Person[], before: unknown): Place {
  const { age, city } = items.at(-1)!;
  const same = items.filter((person) => person.city === city && person.age === age).length;
  const from = before as Place | undefined;
  const isSame = from?.city === city && from.age === age;
  return { city, age, seen: same + (isSame ? from.seen : 0) };
}
