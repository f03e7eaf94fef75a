/** The background thread's side: runs the jobs that are sent, each as far as it goes, and answers each once. */
import type { Host, MakerOfThread } from "../../host/index.ts";
import type { TableMeta } from "../../manifest/index.ts";
import { imageCursor } from "../../memtable/index.ts";
import { FileNumbers } from "../../recovery/index.ts";
import { BlockCache, TableReader } from "../../sstable/index.ts";
import { pathIn, tableName } from "../../codec/index.ts";
import { sentError, sentResult } from "./border.ts";
import type { PostedJob, ThreadAnswer, ThreadSetup } from "./border.ts";
import { LocalRunner } from "../local-runner.ts";
import type { JobEntries } from "../merge-job.ts";
import { OutputClaims } from "./output-claims.ts";
import type { OpenInput } from "../run-merge.ts";

/** Nobody waits for a turn on this thread but other jobs: a flush that comes during a merge begins so soon. */
const SLICE_MILLIS = 5;
/** Merges read past the cache; a table reader wants one all the same. */
const CACHE_BYTES: number = 64 * 1_024;

export function serveJobs(host: Host, maker: MakerOfThread): void {
  const setup = maker.data as ThreadSetup;
  const numbers = FileNumbers.over(setup.numbers);
  const flag = new Int32Array(setup.giveUp);
  const cache = new BlockCache(CACHE_BYTES);
  const openInput = (table: TableMeta): OpenInput => {
    const path = pathIn(setup.directory, tableName(table.fileNumber));
    const reader = TableReader.open(host, path, table, setup.storeId, cache);
    return { reader, done: () => reader.close() };
  };
  const bench = { ...setup, host, sliceMillis: SLICE_MILLIS, openInput };
  const runner = new LocalRunner(bench, () => Atomics.load(flag, 0) === 1);

  const answerTo = async (job: PostedJob): Promise<ThreadAnswer> => {
    const claims = new OutputClaims(job.claims);
    const takeNumber = (): number => {
      const number = numbers.take();
      claims.add(number);
      return number;
    };
    try {
      const result = await runner.run({ ...job, memtable: entriesOf(job), takeNumber });
      return { id: job.id, result: sentResult(result) };
    } catch (error) {
      return { id: job.id, error: sentError(error) };
    }
  };
  maker.onMessage((message) => {
    void answerTo(message as PostedJob).then((answer) => maker.post(answer));
  });
}

function entriesOf({ memtable }: PostedJob): JobEntries | undefined {
  if (memtable === undefined) return undefined;
  return { rangeDeletes: memtable.rangeDeletes, cursor: () => imageCursor(memtable) };
}
