/**
 * Brings esb up on this machine and shows it at work: checks the machine, installs what is missing, starts containerd
 * where none answers, agent and gateway, and invokes the example function. In the foreground until Ctrl-C, which
 * stops all of it; `--detach` returns once it is ready.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ConfigurationError } from "../common/environment.ts";
import { installPackages, missingPackages, packagesToRun, withSystemFolders } from "./machine/packages.ts";
import { isRunning, lastLines, readDaemon } from "./up/daemons.ts";
import { showDemo } from "./up/demo.ts";
import { afterInstalling, beforeInstalling, lookAt } from "./up/look.ts";
import { readScriptSettings, type ScriptSettings } from "./up/settings.ts";
import { startAll } from "./up/start.ts";
import { stopAll } from "./up/stop.ts";
import { createTerminal } from "./up/terminal.ts";

/** What a shell gives a command that SIGINT ended. */
const interruptedStatus = 130;

process.env.PATH = withSystemFolders(process.env.PATH);
const terminal = createTerminal(process.stdout);
const { say, progress } = terminal;

try {
  const { values } = parseArgs({ options: { detach: { type: "boolean", short: "d", default: false } } });
  process.exitCode = await up(readScriptSettings(process.env), values.detach);
} catch (error) {
  terminal.finish();
  console.error((error as Error).message);
  if (!(error instanceof ConfigurationError))
    console.error("\nnpm run down removes what is left; npm run up tries again.");
  process.exitCode = 1;
}

async function up(settings: ScriptSettings, detach: boolean): Promise<number> {
  for (const warning of settings.warnings) say(`warning: ${warning}`);
  if (!(await prepare(settings))) return 1;
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => interrupted.abort());
  const { signal } = interrupted;
  let failure: unknown;
  try {
    await startAll({ settings, say, progress, signal });
    // What has ended says more than who missed it. Not before: until all has started, notes may be of a former life.
    await showDemo({ settings, say, signal }).catch(async (error) => {
      throw (await endedDaemon(settings)) ?? error;
    });
    say(`\nesb is up: ${settings.gatewayUrl} (functions in ${settings.functionsPath}, logs in ${settings.logDir})`);
    if (detach) {
      say("npm run down stops it.");
      return 0;
    }
    say("Ctrl-C stops it.");
    await untilEnd(settings, signal);
  } catch (error) {
    if (!signal.aborted) failure = error;
  }
  if (failure !== undefined) say(`\n${(failure as Error).message}`);
  say("\nstopping");
  await stopAll({ settings, say, purge: false });
  if (failure !== undefined) return 1;
  // Who asked for an esb that stays goes on in the belief that there is one.
  return detach ? interruptedStatus : 0;
}

async function prepare(settings: ScriptSettings): Promise<boolean> {
  say("checking this machine");
  if (!(await lookAt(beforeInstalling, say))) return false;
  installPackages(missingPackages(packagesToRun), say);
  return lookAt(await afterInstalling(settings), say);
}

/** Ends with the signal, or once there is nothing more to watch; @throws Error when one of them ends by itself */
async function untilEnd(settings: ScriptSettings, signal: AbortSignal): Promise<void> {
  for (;;) {
    const ended = await endedDaemon(settings);
    if (ended !== undefined) throw ended;
    // `npm run down` in another terminal.
    if ((await readDaemon(settings.runDir, "agent")) === undefined) return;
    await sleep(1000, undefined, { signal });
  }
}

/** Which of our processes has ended by itself, with the end of its log. */
async function endedDaemon({ runDir, logDir }: ScriptSettings): Promise<Error | undefined> {
  for (const name of ["runtime-api", "agent", "gateway"]) {
    const daemon = await readDaemon(runDir, name);
    if (daemon === undefined || (await isRunning(daemon))) continue;
    return new Error(`the ${name} has ended:\n${await lastLines(`${logDir}/${name}.log`, 15, daemon.logFromBytes)}`);
  }
  return undefined;
}
