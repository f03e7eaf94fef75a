export { conflictFirst } from "./conflict-first.ts";
export { FixedClock, fixedHost } from "./fixed-host.ts";
export type { FixedHost, FixedHostOptions } from "./fixed-host.ts";
