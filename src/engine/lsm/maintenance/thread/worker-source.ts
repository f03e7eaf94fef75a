/**
 * The script of the background thread, whole, as a text: so that bundlers carry it along, wherever they put the package.
 * The build writes it here (esbuild.config.ts). Run from source there is none, and all work is done on the one thread.
 */
export const workerSource: string | undefined = undefined;
