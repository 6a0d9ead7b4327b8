import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildCached } from "../image/cached.ts";
import { helloImage } from "../image/hello.ts";
import { agentAt } from "./agent.ts";
import { containerdVersion, startOwnContainerd } from "./containerd.ts";
import { type Daemon, isRunning, readDaemon, startDaemon, stopDaemon } from "./daemons.ts";
import { root, type ScriptSettings, signatureOf } from "./settings.ts";
import { untilReady } from "./until-ready.ts";

export interface Start {
  readonly settings: ScriptSettings;
  readonly say: (line: string) => void;
  /** Progress of what takes long: written over where the terminal allows it. */
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Says that a folder was made by up, so that down may remove it. */
export const marker = ".made-by-esb-up";

/** Starts what does not run yet: containerd, agent, gateway; imports the example. @throws Error for the user */
export async function startAll(start: Start): Promise<void> {
  const { settings } = start;
  await claim("ESB_STATE_DIR", settings.stateDir);
  await claim("ESB_RUN_DIR", settings.runDir);
  await startContainerd(start);
  const image = buildHello(start);
  // Awaited below; a failure meanwhile must not end the process unheard.
  image.catch(() => {});
  await Promise.all([
    ensureDaemon(start, "runtime-api", () => isListening(join(settings.runDir, "runtime-api.sock"))),
    ensureDaemon(start, "agent", async () => {
      using agent = agentAt(settings.agentAddress);
      return await agent.isServing();
    }),
  ]);
  await importImage(start, await image);
  await ensureDaemon(start, "gateway", async () => {
    const response = await fetch(`${settings.gatewayUrl}/ready`, { signal: AbortSignal.timeout(2000) }).catch(() => {});
    return response?.ok ?? false;
  });
}

async function claim(setting: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length === 0) await writeFile(join(folder, marker), "");
  } catch (error) {
    throw new Error(`${setting}=${folder} is no folder that can be used: ${(error as Error).message}`);
  }
}

async function startContainerd({ settings, say }: Start): Promise<void> {
  const version = await containerdVersion(settings);
  if (version !== undefined) {
    say(`containerd ${version} answers at ${settings.containerdAddress}`);
    return;
  }
  const daemon = await startOwnContainerd(settings, "");
  say(`containerd started at ${settings.containerdAddress} (pid ${daemon.pid})`);
}

/** Where each begins, below the root. */
const programs = { agent: "agent", gateway: "gateway", "runtime-api": "agent/runtime-api" } as const;

/** The process as it runs with these settings; one that runs with others is stopped first. */
async function ensureDaemon(start: Start, name: keyof typeof programs, isReady: () => Promise<boolean>): Promise<void> {
  const { settings, say, signal } = start;
  const begin = performance.now();
  const environment = {
    ...process.env,
    LOG_LEVEL: settings.logLevel,
    NODE_ENV: "production",
    ESB_MODE: settings.mode,
  };
  const signature = await signatureNow(name, environment);
  const logPath = join(settings.logDir, `${name}.log`);
  let daemon: Daemon | undefined = await readDaemon(settings.runDir, name);
  if (daemon !== undefined && (await isRunning(daemon)) && daemon.signature !== signature) {
    say(`${name} runs with other settings or other code: starting it again`);
    await stopDaemon(daemon, settings.runDir, 15_000);
  }
  const runs = daemon !== undefined && (await isRunning(daemon));
  if (daemon === undefined || !runs) {
    const command = [process.execPath, join(root, programs[name], "main.ts")] as const;
    daemon = await startDaemon({
      name,
      command,
      cwd: root,
      environment,
      signature,
      logPath,
      runDir: settings.runDir,
    });
  }
  const { pid } = daemon;
  const found = daemon;
  await untilReady({
    what: name,
    logPath,
    logFromBytes: found.logFromBytes,
    timeoutMs: 60_000,
    isRunning: () => isRunning(found),
    isReady,
    signal,
  });
  const time = runs ? "runs already" : `ready after ${(performance.now() - begin).toFixed(0)} ms`;
  say(`${name} ${time} (pid ${pid}, log ${logPath})`);
}

/**
 * Settings and code: a checkout that has moved on needs new processes. But with the Runtime API's go all workers that it
 * is served to, so it is looked at what is its own.
 */
async function signatureNow(name: keyof typeof programs, environment: NodeJS.ProcessEnv): Promise<string> {
  const code = name === "runtime-api" ? `HEAD:${programs[name]}` : "HEAD";
  const git = promisify(execFile)("git", ["rev-parse", code], { cwd: root });
  const commit = await git.then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
  const { ESB_RUN_DIR, LOG_LEVEL } = environment;
  const own = name === "runtime-api" ? { ESB_RUN_DIR, LOG_LEVEL } : environment;
  return `${commit} ${root} ${signatureOf(own)}`;
}

async function isListening(path: string): Promise<boolean> {
  const socket = connect(path);
  const listens = once(socket, "connect").then(
    () => true,
    () => false,
  );
  return listens.finally(() => socket.destroy());
}

async function buildHello({ say }: Start): Promise<string> {
  const path = join(root, ".cache/images/hello.tar");
  const begin = performance.now();
  const built = await buildCached(await helloImage(), path);
  if (built) say(`example image assembled in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return path;
}

async function importImage({ settings, say, progress }: Start, path: string): Promise<void> {
  using agent = agentAt(settings.agentAddress);
  const begin = performance.now();
  const images = await agent.importImage(path, (share) =>
    progress(`importing the example: ${Math.round(share * 100)} %`),
  );
  const names = images.map((image) => image.name).join(", ");
  say(`${names} imported in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}
