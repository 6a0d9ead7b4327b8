import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "../errors.ts";
import { buildSpec, type SpecInput } from "./spec.ts";
import type { ImageConfig } from "./types.ts";

const input: SpecInput = {
  identity: {
    id: "hello-0",
    function: "hello",
    slot: 0,
    owner: "gateway",
    image: "localhost/hello:1",
    instanceId: "0b9f3f6e8d5c4a519c0b2f4f2f0a7d11",
    specDigest: "sha256:0",
    createdAtMs: 0,
    memoryBytes: 128 * 1024 ** 2,
  },
  function: {
    name: "hello",
    image: "localhost/hello:1",
    command: [],
    environment: {},
    memoryBytes: 128 * 1024 ** 2,
    timeoutMs: 3000,
    tmpBytes: 512 * 1024 ** 2,
    pullPolicy: "never",
    handler: "",
  },
  image: { config: { Entrypoint: ["/serve"] } },
  driver: "http",
  user: undefined,
  network: {
    namespacePath: "/run/netns/esb-1",
    port: 8080,
    runtimeApi: undefined,
    resolvConfPath: "/run/esb/net/1/resolv.conf",
    hostsPath: "/run/esb/net/1/hosts",
  },
  tmp: { kind: "tmpfs" },
  namespace: "esb",
  region: "us-east-1",
  limits: {
    cgroupVersion: 1,
    controllers: new Set(["cpu", "memory", "pids"]),
    swapLimit: true,
    rlimitNofileHard: 1_048_576,
    oomScoreAdj: 0,
    architecture: "x64",
  },
};

test("a worker has no capability, cannot gain any, and its root is read-only", () => {
  const spec = buildSpec(input);
  assert.deepEqual(Object.values(spec.process.capabilities).flat(), []);
  assert.equal(Object.keys(spec.process.capabilities).length, 5);
  assert.equal(spec.process.noNewPrivileges, true);
  assert.equal(spec.root.readonly, true);
  assert.equal(spec.linux.seccomp.defaultAction, "SCMP_ACT_ERRNO");
});

const users = [
  { name: "no user", user: undefined, uid: 993, gid: 990, gids: [] },
  { name: "root", user: { uid: 0, gid: 0, additionalGids: [1, 2] }, uid: 993, gid: 990, gids: [] },
  { name: "another", user: { uid: 1000, gid: 0, additionalGids: [44] }, uid: 1000, gid: 0, gids: [44] },
];
for (const { name, user, uid, gid, gids } of users) {
  test(`an image with ${name} runs as ${uid}:${gid}`, () => {
    const spec = buildSpec({ ...input, user });
    assert.deepEqual(spec.process.user, { uid, gid, additionalGids: gids });
    assert.ok(spec.mounts.some((mount) => mount.destination === "/tmp" && mount.options.includes(`uid=${uid}`)));
  });
}

const commands: { config: ImageConfig; command: string[]; args: string[] }[] = [
  { config: { Entrypoint: ["/entry"], Cmd: ["app.handler"] }, command: [], args: ["/entry", "app.handler"] },
  { config: { Cmd: ["serve"] }, command: [], args: ["serve"] },
  { config: { Entrypoint: null, Cmd: ["serve"] }, command: [], args: ["serve"] },
  { config: { Entrypoint: ["/entry"], Cmd: ["x"] }, command: ["node", "a.js"], args: ["node", "a.js"] },
];
for (const { config, command, args } of commands) {
  test(`${JSON.stringify(config)} with the command ${JSON.stringify(command)}`, () => {
    const spec = buildSpec({ ...input, image: { config }, function: { ...input.function, command } });
    assert.deepEqual(spec.process.args, args);
  });
}

for (const config of [{}, { Entrypoint: [], Cmd: null }]) {
  test(`an image with ${JSON.stringify(config)} cannot run by itself`, () => {
    assert.throws(
      () => buildSpec({ ...input, image: { config } }),
      (error) => error instanceof AgentError && error.code === "IMAGE_INVALID",
    );
  });
}

for (const [WorkingDir, cwd] of [
  ["/var/task", "/var/task"],
  ["", "/"],
  [undefined, "/"],
  ["app", "/app"],
] as const) {
  test(`working directory ${WorkingDir} is ${cwd}`, () => {
    assert.equal(buildSpec({ ...input, image: { config: { Cmd: ["x"], WorkingDir } } }).process.cwd, cwd);
  });
}

const namespaces = [
  { path: "/run/netns/1", version: 1, types: ["pid", "ipc", "uts", "mount", "network"] },
  { path: "/run/netns/1", version: 2, types: ["pid", "ipc", "uts", "mount", "network", "cgroup"] },
  { path: undefined, version: 1, types: ["pid", "ipc", "uts", "mount"] },
] as const;
for (const { path, version, types } of namespaces) {
  test(`namespaces with the network ${path} and cgroup v${version}`, () => {
    const spec = buildSpec({
      ...input,
      network: { ...input.network, namespacePath: path },
      limits: { ...input.limits, cgroupVersion: version },
    });
    assert.deepEqual(
      spec.linux.namespaces.map((namespace) => namespace.type),
      types,
    );
    assert.equal(spec.linux.namespaces.find((namespace) => namespace.type === "network")?.path, path);
  });
}

test("the cgroup, as containerd itself names it", () => {
  assert.equal(buildSpec(input).linux.cgroupsPath, "/esb/hello-0");
});

test("a host name is never longer than Linux takes", () => {
  const id = `${"f".repeat(64)}-12`;
  assert.equal(buildSpec(input).hostname, "hello-0");
  assert.equal(buildSpec({ ...input, identity: { ...input.identity, id } }).hostname, "f".repeat(63));
});

for (const [own, expected] of [
  [0, 500],
  [-999, 500],
  [800, 800],
] as const) {
  test(`workers are killed first when the agent's own score is ${own}`, () => {
    const spec = buildSpec({ ...input, limits: { ...input.limits, oomScoreAdj: own } });
    assert.equal(spec.process.oomScoreAdj, expected);
  });
}

test("a shim's group is an annotation, and only when there is one", () => {
  assert.deepEqual(buildSpec(input).annotations, {});
  assert.deepEqual(buildSpec({ ...input, shimGroup: "hello" }).annotations, { "io.containerd.runc.v2.group": "hello" });
});

test("the spec survives JSON as it is", () => {
  const spec = buildSpec(input);
  assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
});

const runtimeImage = { Entrypoint: ["/usr/bin/client"], Cmd: ["image.handler"] };
for (const [what, driver, own, config, args, handler, cwd] of [
  [
    "the image's handler",
    "runtime-api",
    {},
    runtimeImage,
    ["/usr/bin/client", "image.handler"],
    "image.handler",
    "/var/task",
  ],
  ["its own handler", "runtime-api", { handler: "a.b" }, runtimeImage, ["/usr/bin/client", "a.b"], "a.b", "/var/task"],
  ["its own handler", "emulator", { handler: "a.b" }, runtimeImage, ["/usr/bin/client", "a.b"], "a.b", "/"],
  ["the image's command", "http", { handler: "a.b" }, runtimeImage, ["/usr/bin/client", "image.handler"], "a.b", "/"],
  ["the image's command", "runtime-api", { handler: "a.b" }, { Cmd: ["/main"] }, ["/main"], "a.b", "/var/task"],
  ["its own command", "runtime-api", { handler: "a.b", command: ["/x"] }, runtimeImage, ["/x"], "a.b", "/var/task"],
] as const) {
  test(`L3: a function driven as ${driver} begins with ${what}: ${args.join(" ")}`, () => {
    const spec = buildSpec({ ...input, driver, function: { ...input.function, ...own }, image: { config } });
    assert.deepEqual(spec.process.args, args);
    assert.ok(spec.process.env.includes(`_HANDLER=${handler}`));
    assert.equal(spec.process.cwd, cwd);
  });
}

test("L3: where the Runtime API is served a worker is told of it, and of no port to listen at", () => {
  const network = { ...input.network, runtimeApi: "10.63.0.1:9001" };
  const { env } = buildSpec({ ...input, driver: "runtime-api", network }).process;
  assert.ok(env.includes("AWS_LAMBDA_RUNTIME_API=10.63.0.1:9001"));
  assert.ok(!env.some((entry) => entry.startsWith("PORT=") || entry.startsWith("AWS_LAMBDA_FUNCTION_TIMEOUT=")));
  assert.ok(!buildSpec(input).process.env.some((entry) => entry.startsWith("AWS_LAMBDA_RUNTIME_API")));
});
