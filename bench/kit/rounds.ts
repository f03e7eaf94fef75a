/** In which order children run: all stores once a round, every second round backwards, so that no store is always first. */

interface Turn {
  readonly store: string;
  readonly round: number;
}

export function turnsOf(stores: readonly string[], rounds: number): Turn[] {
  return Array.from({ length: rounds }, (_, round) => {
    const order = round % 2 === 0 ? stores : stores.toReversed();
    return order.map((store) => ({ store, round }));
  }).flat();
}
