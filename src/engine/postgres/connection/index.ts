export { Connection } from "./connection.ts";
export { loadDriver } from "./driver.ts";
export type { ClientOptions, Value } from "./driver.ts";
export { connectFailure, engineFailure } from "./failure.ts";
export { isServerError } from "./group.ts";
export type { Answer, Call, Row, Statement } from "./group.ts";
export { Hosts, hostPlaces } from "./hosts.ts";
export type { HostPlace } from "./hosts.ts";
export { Pool } from "./pool.ts";
