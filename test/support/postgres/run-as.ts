/**
 * As whom a PostgreSQL server is started, for it refuses to run as root. Nothing is installed and no user is made:
 *
 *   plain     who runs the tests is not root
 *   userns    root in a user namespace where its number is another one: files stay root's own, folders only root may
 *             enter can be entered, and the server sees a user that is not root
 *   setuid    root where namespaces are forbidden, as in a container: as `postgres` or `nobody`
 */
import { spawnSync } from "node:child_process";

export interface RunAs {
  readonly name: string;
  /** Put before the command. */
  readonly prefix: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

const NAMESPACE = ["unshare", "--user", "--map-user=65534", "--map-group=65534"];

/** The ways of this process, the best one first. */
export function waysToRun(): readonly RunAs[] {
  if (process.platform === "win32" || process.getuid?.() !== 0) {
    return [{ name: "plain", prefix: [], ids: {} }];
  }
  const ways: RunAs[] = [];
  if (spawnSync(NAMESPACE[0]!, [...NAMESPACE.slice(1), "true"]).status === 0) {
    ways.push({ name: "userns", prefix: NAMESPACE, ids: {} });
  }
  for (const user of ["postgres", "nobody"]) {
    const [uid, gid] = [idOf("-u", user), idOf("-g", user)];
    if (uid > 0) ways.push({ name: `setuid ${user}`, prefix: [], ids: { uid, gid } });
  }
  return ways;
}

function idOf(which: "-u" | "-g", user: string): number {
  const { status, stdout } = spawnSync("id", [which, user], { encoding: "utf8" });
  return status === 0 ? Number(stdout.trim()) : Number.NaN;
}
