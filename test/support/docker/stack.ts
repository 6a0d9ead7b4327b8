import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { until } from "../process.ts";
import type { DockerEngine } from "./engine.ts";

const deploy = join(import.meta.dirname, "../../../deploy");
const port = 8080;

/** What `docker inspect` tells of a container; names are Docker's own. */
export interface ContainerFacts {
  readonly Id: string;
  readonly Image: string;
  readonly State: {
    readonly Pid: number;
    readonly Status: string;
    readonly StartedAt: string;
    readonly ExitCode: number;
    /** Absent without a health check. */
    readonly Health?: { readonly Status: string };
  };
  readonly Config: { readonly User: string };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly ReadonlyRootfs: boolean;
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[] | null;
    readonly RestartPolicy: { readonly Name: string };
  };
  readonly Mounts: readonly { readonly Type: string; readonly Destination: string; readonly RW: boolean }[];
  readonly NetworkSettings: { readonly Ports: Readonly<Record<string, unknown>> };
}

/** An esb by compose.dind.yaml, as whoever installs it runs it. */
export interface Stack extends AsyncDisposable {
  readonly url: string;
  /** Folder with functions.yml and routing.yml. */
  readonly config: string;
  compose(args: readonly string[], settings?: NodeJS.ProcessEnv): Promise<string>;
  /**
   * Takes everything down, volumes included.
   * @returns volumes that stay until the engine ends: of those that are file systems of their own, Docker counts the
   * mounts, and was seen to count too many when containers had been killed (20.10)
   */
  down(settings?: NodeJS.ProcessEnv): Promise<string[]>;
  /** Runs a command in a service's container. */
  exec(service: string, ...command: string[]): Promise<string>;
  facts(service: string): Promise<ContainerFacts>;
  /** Of a synchronous Invoke of the example. */
  readonly request: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };
  /** Sends it. */
  invoke(): Promise<Response>;
}

/**
 * Builds the images and brings everything up. Disposing of it takes it down, volumes included.
 * @param overrides compose files of deploy/ that are laid over compose.dind.yaml
 */
export async function bringUp(engine: DockerEngine, overrides: readonly string[]): Promise<Stack> {
  await using stack = new AsyncDisposableStack();
  const files = ["compose.dind.yaml", ...overrides].flatMap((name) => ["--file", join(deploy, name)]);
  const config = join(engine.dir, "config-of-esb");
  await mkdir(config);
  for (const name of ["functions.yml", "routing.yml"]) await cp(join(deploy, name), join(config, name));
  const own = { ESB_PUBLISH: String(port), ESB_CONFIG: config };
  const compose: Stack["compose"] = (args, settings = {}) =>
    engine.docker(["compose", ...files, ...args], { ...own, ...settings });
  const exec: Stack["exec"] = (service, ...command) => compose(["exec", "--no-TTY", service, ...command]);
  await engine.build(["compose", ...files, "build"], own);
  const down: Stack["down"] = async (settings) => {
    try {
      await compose(["down", "--volumes"], settings);
      return [];
    } catch (error) {
      const [, volume] = /\bremove (\S+): volume has active mounts/.exec(String(error)) ?? [];
      if (volume === undefined) throw error;
      // It breaks off the rest.
      await compose(["down"], settings);
      const rest = (await engine.docker(["volume", "ls", "--quiet"])).split("\n").filter((name) => name !== "");
      for (const name of rest) if (name !== volume) await engine.docker(["volume", "rm", name]);
      return [volume];
    }
  };
  stack.defer(async () => void (await down()));
  await compose(["up", "--detach", "--no-build"]).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await compose(["logs", "--tail", "20"])}`, { cause: error });
  });
  // The end of the example's import; its exit code comes as this command's.
  await compose(["wait", "example"]);
  const url = `http://${engine.address}:${port}`;
  await until(
    async () => {
      const answer = await fetch(`${url}/ready`);
      if (!answer.ok) throw new Error(await answer.text());
    },
    60_000,
    async (error) => `${error}\n${await compose(["logs", "--tail", "20"])}`,
  );
  const credentials = parseEnv(await exec("gateway", "cat", "/secrets/credentials.env"));
  const request = {
    url: `${url}/2015-03-31/functions/hello/invocations`,
    headers: { "x-api-key": credentials.ESB_API_KEY ?? "" },
    body: '{"name":"edge"}',
  };
  const owned = stack.move();
  return {
    url,
    config,
    request,
    compose,
    down,
    exec,
    async facts(service) {
      const id = (await compose(["ps", "--all", "--quiet", service])).trim();
      return JSON.parse(await engine.docker(["inspect", id]))[0];
    },
    invoke: () => fetch(request.url, { method: "POST", headers: request.headers, body: request.body }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
