import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { frameworksSource, installFrameworks } from "./install.ts";

/** Applications served without Lambda. */
export interface DirectServers extends AsyncDisposable {
  /** Port on 127.0.0.1 by the application's name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Serves each application from a process of its own frameworks' making. */
export async function serveDirectly(apps: readonly string[]): Promise<DirectServers> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-frameworks-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  await cp(frameworksSource, dir, { recursive: true });
  await symlink(await installFrameworks(), join(dir, "node_modules"));
  const child = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, "direct.mjs", ...apps], {
    cwd: dir,
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, "line"),
    ended.then(() => {
      throw new Error("the applications ended before they served");
    }),
  ]);
  const ports = JSON.parse(line) as Record<string, number>;
  const owned = stack.move();
  return { ports, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
