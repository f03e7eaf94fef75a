/** The one way to an engine. */
import { OpenViews } from "./commit/index.ts";
import { nodeHost } from "./host/index.ts";
import { LsmEngine } from "./lsm-engine.ts";
import { openReadOnly } from "./open-read-only.ts";
import { recover } from "./recover.ts";
import { LsmEvents } from "./report/index.ts";
import { settingsOf } from "./settings/index.ts";
import type { LsmOptions } from "./settings/index.ts";
import { WritePath } from "./write-path.ts";

/**
 * Opens the database in a directory, or makes a new one there.
 *
 * Fails with DatabaseLocked if it is open elsewhere, StorageError 'NoDatabase' if it is to be read only and is not there,
 * CorruptionError if a file is not what was written (see the option `recovery`), StorageError 'FormatTooNew' or
 * 'FormatTooOld' for a database of another version, DiskFull or StorageError 'Io' if the storage fails.
 *
 * @example
 * const engine = await openLsmEngine({ path: "data" });
 * await engine.write({ ops: [{ op: "put", key, value }], requires: [] });
 * await engine.close();
 */
export async function openLsmEngine(options: LsmOptions): Promise<LsmEngine> {
  const settings = settingsOf(options);
  const host = options.host ?? nodeHost();
  const directory = options.path;
  if (options.readOnly === true) {
    const { parts, writes } = await openReadOnly(host, directory, settings, options.onEvent);
    return new LsmEngine(parts, new OpenViews(), writes);
  }
  host.files.makeDirectory(directory);
  const lock = await host.files.lock(directory);
  try {
    const events = new LsmEvents(host, options.onEvent);
    const opened = await recover(host, directory, settings, events);
    const views = new OpenViews();
    return new LsmEngine(opened, views, new WritePath({ ...opened, lock }, views));
  } catch (error) {
    await lock.release();
    throw error;
  }
}
