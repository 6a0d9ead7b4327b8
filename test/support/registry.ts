import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./port.ts";
import { type Authority, makeAuthority } from "./registry-tls.ts";
import { startTokenServer, type TokenServer } from "./registry-token.ts";

const run = promisify(execFile);

export interface RegistryOptions {
  /** `basic`: users of an htpasswd file; `token`: bearer tokens of a token server. Default: everybody may do anything. */
  readonly auth?: "basic" | "token";
  readonly tls?: boolean;
}

/** Debian's docker-registry on the loopback, with a store of its own. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
  /** The authority of its certificate, when it has one. */
  readonly authority: Authority | undefined;
  /** Its server of tokens, when it has one. */
  readonly tokens: TokenServer | undefined;
  /** Folder that tests may put files in. */
  readonly dir: string;
  /** Pushes an OCI archive as `<repository>:<tag>` and returns the digest of its manifest. */
  push(archive: string, name: string): Promise<string>;
  /** Puts a manifest or index of any bytes under a tag. */
  putManifest(name: string, mediaType: string, document: unknown): Promise<void>;
  /** Reads a manifest as JSON. */
  manifest(name: string): Promise<RegistryManifest>;
  /** File in which the registry keeps a blob. */
  blobPath(digest: string): string;
}

export interface RegistryManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly mediaType: string; readonly size: number }[];
}

const username = "user";
const password = "pass:word";

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-registry-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const host = `127.0.0.1:${await freePort()}`;
  const authority = options.tls ? await makeAuthority(join(dir, "tls")) : undefined;
  const tokens =
    options.auth === "token" ? stack.use(await startTokenServer(join(dir, "tokens"), username, password)) : undefined;
  if (options.auth === "basic") {
    const { stdout } = await run("htpasswd", ["-Bbn", username, password]);
    await writeFile(join(dir, "htpasswd"), stdout);
  }
  await writeFile(join(dir, "config.yml"), configuration(dir, host, options, authority, tokens));
  await using log = await open(join(dir, "registry.log"), "a");
  const daemon = spawn("setpriv", ["--pdeathsig", "KILL", "docker-registry", "serve", join(dir, "config.yml")], {
    stdio: ["ignore", log.fd, log.fd],
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  stack.defer(() => end(daemon));
  await untilListening(daemon, host, join(dir, "registry.log"));
  const resources = stack.move();

  const credentials = `${username}:${password}`;
  const send = async (path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> => {
    if (options.tls || options.auth === "token") throw new Error("manifests are read and put on plain registries only");
    const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
    const response = await fetch(`http://${host}/v2/${path}`, { ...init, headers: { ...init.headers, authorization } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    host,
    username,
    password,
    authority,
    tokens,
    dir,
    async push(archive, name) {
      const digestFile = join(dir, "pushed");
      await run("skopeo", [
        ...["copy", "--insecure-policy", "--quiet", "--digestfile", digestFile, "--preserve-digests"],
        ...["--dest-tls-verify=false", ...(options.auth ? ["--dest-creds", credentials] : [])],
        ...[`oci-archive:${archive}`, `docker://${host}/${name}`],
      ]);
      return (await readFile(digestFile, "utf8")).trim();
    },
    async putManifest(name, mediaType, document) {
      const [repository, tag] = splitName(name);
      const body = JSON.stringify(document);
      await send(`${repository}/manifests/${tag}`, { method: "PUT", body, headers: { "content-type": mediaType } });
    },
    async manifest(name) {
      const [repository, tag] = splitName(name);
      const accept = "application/vnd.oci.image.manifest.v1+json";
      const response = await send(`${repository}/manifests/${tag}`, { headers: { accept } });
      const text = await response.text();
      const digest = response.headers.get("docker-content-digest") ?? "";
      return { mediaType: accept, ...JSON.parse(text), digest, size: Buffer.byteLength(text) };
    },
    blobPath(digest) {
      const hex = digest.slice("sha256:".length);
      return join(dir, "data/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function configuration(
  dir: string,
  host: string,
  { auth }: RegistryOptions,
  authority: Authority | undefined,
  tokens: TokenServer | undefined,
): string {
  const tls = authority && { certificate: authority.certificate, key: authority.key };
  const htpasswd = { htpasswd: { realm: "test", path: join(dir, "htpasswd") } };
  const token = tokens && {
    token: { realm: tokens.realm, service: "test", issuer: tokens.issuer, rootcertbundle: tokens.certificate },
  };
  // JSON is YAML.
  return JSON.stringify({
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(dir, "data") } },
    http: { addr: host, ...(tls ? { tls } : {}) },
    ...(auth ? { auth: token ?? htpasswd } : {}),
  });
}

function splitName(name: string): [repository: string, tag: string] {
  const colon = name.lastIndexOf(":");
  return [name.slice(0, colon), name.slice(colon + 1)];
}

async function untilListening(daemon: ChildProcess, host: string, logPath: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    if (await accepts(Number(host.split(":")[1]))) return;
    if (daemon.exitCode !== null || daemon.signalCode !== null || Date.now() > deadline) {
      throw new Error(`docker-registry did not start: ${await readFile(logPath, "utf8")}`);
    }
    await sleep(30);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
