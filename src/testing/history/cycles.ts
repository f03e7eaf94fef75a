/** Cycles in a directed graph: Tarjan's strongly connected components, then a shortest cycle in each. */

/** `edges.get(node)`: the nodes after it. Nodes are any numbers. */
export type Graph = ReadonlyMap<number, readonly number[]>;

const NONE: readonly number[] = [];

/** The components with more than one node: each holds at least one cycle. Nodes must not point at themselves. */
export function cyclicComponents(edges: Graph): readonly (readonly number[])[] {
  const indexOf = new Map<number, number>();
  const lowOf = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const found: number[][] = [];
  // An explicit path instead of recursion: histories are longer than the call stack is deep.
  const path: { readonly node: number; readonly rest: Iterator<number> }[] = [];
  const enter = (node: number): void => {
    indexOf.set(node, indexOf.size);
    lowOf.set(node, indexOf.get(node)!);
    stack.push(node);
    onStack.add(node);
    path.push({ node, rest: (edges.get(node) ?? NONE).values() });
  };
  const lower = (node: number, to: number): void => {
    lowOf.set(node, Math.min(lowOf.get(node)!, to));
  };
  const leave = (node: number): void => {
    path.pop();
    const parent = path[path.length - 1];
    if (parent !== undefined) lower(parent.node, lowOf.get(node)!);
    if (lowOf.get(node) !== indexOf.get(node)) return;
    const component = stack.splice(stack.lastIndexOf(node));
    for (const member of component) onStack.delete(member);
    if (component.length > 1) found.push(component);
  };
  for (const root of edges.keys()) {
    if (!indexOf.has(root)) enter(root);
    while (path.length > 0) {
      const { node, rest } = path[path.length - 1]!;
      const next = rest.next();
      if (next.done === true) leave(node);
      else if (!indexOf.has(next.value)) enter(next.value);
      else if (onStack.has(next.value)) lower(node, indexOf.get(next.value)!);
    }
  }
  return found;
}

/** A shortest cycle among the nodes of one component, as its nodes in order. */
export function shortestCycle(edges: Graph, component: readonly number[]): readonly number[] {
  const members = new Set(component);
  let shortest: readonly number[] = component;
  for (const start of component) {
    const cycle = shortestPath(start, start, edges, members, shortest.length);
    if (cycle !== undefined) shortest = cycle;
    if (shortest.length === 2) break;
  }
  return shortest;
}

/**
 * The nodes on a shortest way from `start` to `end`, both among them, once where they are one; undefined if it has
 * `lengthMax` nodes or more. Only members are walked on.
 */
export function shortestPath(
  start: number,
  end: number,
  edges: Graph,
  members: ReadonlySet<number>,
  lengthMax: number,
): readonly number[] | undefined {
  const cameFrom = new Map<number, number>();
  let front = [start];
  // Where start and end are one, the last step leads back and adds no node.
  const more = start === end ? 0 : 1;
  for (let length = 1; length + more < lengthMax && front.length > 0; length++) {
    const next: number[] = [];
    for (const node of front) {
      for (const after of edges.get(node) ?? NONE) {
        if (after === end) {
          const path = pathTo(node, start, cameFrom);
          return start === end ? path : [...path, end];
        }
        if (!members.has(after) || cameFrom.has(after) || after === start) continue;
        cameFrom.set(after, node);
        next.push(after);
      }
    }
    front = next;
  }
  return undefined;
}

function pathTo(node: number, start: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const path = [node];
  for (let at = node; at !== start; path.push(at)) at = cameFrom.get(at)!;
  return path.toReversed();
}
