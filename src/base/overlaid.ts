/** `inner` with some of its members replaced: a proxy, as classes keep private fields that a copy would not have. */
export function overlaid<T extends object>(inner: T, overlay: Partial<T>): T {
  return new Proxy(inner, {
    get: (target, name) => {
      if (Object.hasOwn(overlay, name)) return Reflect.get(overlay, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
