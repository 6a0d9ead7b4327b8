import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patienceMs, testProcess, untilWhileAlive } from "../process.ts";
import { frameworksSource, installFrameworks } from "./install.ts";

/** Applications served without Lambda. */
export interface DirectServers extends AsyncDisposable {
  /** Port on 127.0.0.1 by the application's name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Starts one process that serves each application by its own framework's server. */
export async function serveDirectly(apps: readonly string[]): Promise<DirectServers> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-frameworks-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  await cp(frameworksSource, dir, { recursive: true });
  await symlink(await installFrameworks(), join(dir, "node_modules"));
  const server = testProcess({
    args: ["direct.mjs", ...apps],
    cwd: dir,
    environment: { NODE_ENV: "production" },
    logPath: join(dir, "log"),
  });
  await server.start();
  stack.defer(() => server.stop("SIGKILL"));
  let ports: Record<string, number> = {};
  const saysPorts = async () => {
    const line = (await server.log()).split("\n").find((each) => each.startsWith("{"));
    ports = JSON.parse(line ?? "");
  };
  await untilWhileAlive(server, saysPorts, patienceMs);
  const owned = stack.move();
  return { ports, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
