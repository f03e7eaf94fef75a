/**
 * kotoba migrate: does at once what the program would do at its first use of its collections. With --dry-run it changes
 * nothing: every step runs over every document, and all that fail are told.
 */
import { Catalog, CollectionStore, tryStored, versionOf } from "../../collections/index.ts";
import type { KotobaError } from "../../base/index.ts";
import type { BuildEventBody, CollectionDefinition } from "../../collections/index.ts";
import type { LsmEngine, ReadView } from "../../engine/index.ts";
import { withReader, withWriter } from "../command.ts";
import type { Command, CommandContext, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText } from "../print/table-text.ts";
import { programDefinitions } from "../program-definitions.ts";
import { storeHost } from "../store-host.ts";
import { isRefused, outlooks, textOf } from "./check.ts";
import type { NamedOutlook } from "./check.ts";

export interface MigrateOptions extends CommonOptions {
  readonly dryRun?: boolean;
}

/** As many failures of a collection are told one by one. */
const FAILURES_MAX = 20;

export const migrate: Command<[path: string, module: string], MigrateOptions> = async (
  context,
  [path, module],
  { dryRun, json },
) => {
  const definitions = await programDefinitions(context.load, module);
  if (dryRun === true) return tryAll(context, path, definitions, json === true);
  const before = await withReader(context, path, (engine) =>
    outlooks(engine.snapshot(), definitions),
  );
  const { terminal } = context;
  const isWrong = isRefused(before);
  if (!isWrong) await migrateAll(context, path, definitions, before, json !== true);
  if (json === true) {
    const collections = before.map(({ name, outlook }) => ({ name, ...outlook }));
    await terminal.out(`${JSON.stringify({ done: !isWrong, collections })}\n`);
  } else await terminal.out(`${textOf(before)}${isWrong ? "nothing was changed" : "done"}\n`);
  return isWrong ? EXIT.problems : EXIT.fine;
};

async function migrateAll(
  context: CommandContext,
  path: string,
  definitions: readonly CollectionDefinition[],
  before: readonly NamedOutlook[],
  isShown: boolean,
): Promise<void> {
  /** How many documents there are in those that change. */
  const counts = new Map<string, number>();
  for (const { name, outlook } of before) {
    if (outlook.kind === "step" || outlook.kind === "compatible")
      counts.set(name, outlook.documents);
  }
  if (counts.size === 0) return;
  const bar = progressBar(context.terminal, "migrating", isShown, (total) =>
    countText(total, "document"),
  );
  const tellBuild = (event: BuildEventBody): void => {
    if (event.type === "index-build-progress") {
      bar.update(event.documents, counts.get(event.collection)!);
    }
  };
  await withWriter(context, path, async (engine) => {
    const catalog = new Catalog({ ...storeHost(context.host, engine), tellBuild });
    for (const definition of definitions) {
      if (counts.has(definition.name)) await new CollectionStore(catalog, definition).built();
    }
  }).finally(() => bar.stop());
}

interface Trial {
  readonly name: string;
  readonly version: number;
  readonly documents: number;
  readonly upgraded: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly Failure[];
}

interface Failure {
  readonly id: string;
  readonly error: KotobaError;
}

async function tryAll(
  context: CommandContext,
  path: string,
  definitions: readonly CollectionDefinition[],
  json: boolean,
): Promise<ExitCode> {
  const { terminal } = context;
  const { before, trials } = await withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    const tried: Trial[] = [];
    for (const definition of definitions) {
      const trial = await trialOf(engine, view, definition);
      if (trial !== undefined) tried.push(trial);
    }
    return { before: await outlooks(view, definitions), trials: tried };
  });
  const failed = trials.reduce((sum, trial) => sum + trial.failed, 0);
  const isWrong = failed > 0 || isRefused(before);
  if (json) {
    const collections = before.map(({ name, outlook }) => {
      const trial = trials.find((one) => one.name === name);
      return { name, ...outlook, ...(trial === undefined ? {} : shownTrial(trial)) };
    });
    await terminal.out(`${JSON.stringify({ ok: !isWrong, collections })}\n`);
  } else {
    await terminal.out(`${textOf(before)}${trials.map(trialText).join("")}nothing was changed\n`);
  }
  return isWrong ? EXIT.problems : EXIT.fine;
}

async function trialOf(
  { limits }: LsmEngine,
  view: ReadView,
  definition: CollectionDefinition,
): Promise<Trial | undefined> {
  const failures: Failure[] = [];
  let failed = 0;
  const found = await tryStored(view, limits, definition, {
    onFailure: (id, error) => {
      if (failed++ < FAILURES_MAX) failures.push({ id, error });
    },
    // Nobody else is on the thread.
    pause: () => undefined,
  });
  if (found === undefined || (found.upgraded === 0 && failed === 0)) return undefined;
  const { documents, upgraded } = found;
  return {
    name: definition.name,
    version: versionOf(definition),
    documents,
    upgraded,
    failed,
    failures,
  };
}

function shownTrial({ failed, failures }: Trial): object {
  const shown = failures.map(({ error: { _tag, details }, id }) => ({ id, name: _tag, details }));
  return { failed, failures: shown };
}

function trialText({ documents, failed, failures, name, version }: Trial): string {
  const fine = countText(documents - failed, "document");
  const lines = failures.map(({ error, id }) => `  ${id}: ${failureText(error)}\n`);
  const more = failed > failures.length ? `  and ${failed - failures.length} more\n` : "";
  const told = failed === 0 ? "\n" : `, ${failed} cannot be:\n${lines.join("")}${more}`;
  return `${name}: ${fine} can be stored as version ${version}${told}`;
}

function failureText({ _tag, details, sentence }: KotobaError): string {
  if (_tag === "EvolutionFailed")
    return `step ${told(details["step"])}: ${told(details["issues"])}`;
  if (_tag === "UniqueViolation") {
    return `its key in the unique index "${told(details["index"])}" is that of ${told(details["existingId"])}`;
  }
  return details["issues"] === undefined ? sentence : told(details["issues"]);
}

function told(detail: unknown): string {
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}
