/** Where the background thread begins. The build makes one script of this file and all that it stands on. */
import { makerOfThread, nodeHost } from "../../host/index.ts";
import { serveJobs } from "./serve-jobs.ts";

const maker = makerOfThread();
if (maker !== undefined) serveJobs(nodeHost(), maker);
