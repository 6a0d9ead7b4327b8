import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { importBases } from "../support/docker/bases.ts";
import { type DockerEngine, startEngine } from "../support/docker/engine.ts";
import { privilegedOverride } from "../support/docker/privileged.ts";
import { buildServiceImages, services as names } from "../support/docker/service-images.ts";
import { bringUp, type Stack } from "../support/docker/stack.ts";
import { servicesArchive } from "../support/images.ts";
import { patienceMs, until } from "../support/process.ts";

const deploy = join(import.meta.dirname, "../../deploy");
const ports = { s3: 9000, dynamodb: 8001, logs: 9428, registry: 5010 };

/** What `docker compose config` tells, as far as it is looked at; names are Compose's own. */
interface Config {
  readonly services: Readonly<Record<string, Service>>;
}
interface Service {
  readonly image: string;
  readonly restart: string;
  readonly network_mode: string;
  readonly privileged?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly healthcheck?: object;
  readonly ports?: readonly { readonly host_ip?: string; readonly published: string; readonly target: number }[];
  readonly volumes?: readonly { readonly type: string }[];
}

test("D3: services as profiles of compose.dind.yaml", async (t) => {
  await using engine = await startEngine();
  const config = (profiles: readonly string[], ...overrides: readonly string[]) =>
    configOf(engine, profiles, overrides);

  await t.test("D3: each profile adds its service, `services` all of them, and none is there unasked", async () => {
    const plain = Object.keys((await config([])).services);
    for (const name of names) assert.deepEqual(added(plain, await config([name])), [name]);
    for (const overrides of [[], ["compose.unprivileged.yaml"], ["compose.services-ports.yaml"]])
      assert.deepEqual(added(plain, await config(["services"], ...overrides)), [...names].sort());
  });

  await t.test("D3 D4: versions are pinned, rights dropped, resources limited, nothing is published", async () => {
    const { services } = await config(["services"]);
    assert.deepEqual(
      services.pod?.ports?.map(({ target }) => target),
      [8080],
    );
    for (const name of names) {
      const service = services[name] ?? assert.fail(name);
      assert.match(service.image, /:v?\d+\.\d+\.\d+$/);
      assert.deepEqual([service.restart, service.network_mode], ["unless-stopped", "service:pod"], name);
      assert.deepEqual([service.cap_drop, service.security_opt], [["ALL"], ["no-new-privileges"]], name);
      assert.equal(service.read_only ?? false, name !== "dynamodb", name);
      assert.ok(Number(service.mem_limit) > 0 && Number(service.pids_limit) > 0 && service.healthcheck, name);
      assert.deepEqual([service.ports, service.privileged], [undefined, undefined], name);
      for (const { type } of service.volumes ?? []) assert.equal(type, "volume", name);
    }
  });

  await t.test("D3: compose.services-ports.yaml publishes them on the loopback, and changes nothing else", async () => {
    const [closed, open] = [await config(["services"]), await config(["services"], "compose.services-ports.yaml")];
    const published = open.services.pod?.ports?.map((port) => [port.host_ip, port.published, port.target]);
    assert.deepEqual(
      published,
      [8080, ...Object.values(ports)].map((port) => ["127.0.0.1", String(port), port]),
    );
    const withoutAddresses = (service: unknown) => JSON.stringify(service).replaceAll(/\d+(\.\d+){3}/g, "");
    for (const name of names)
      assert.equal(withoutAddresses(open.services[name]), withoutAddresses(closed.services[name]), name);
  });

  await importBases(engine);
  await buildServiceImages(engine);
  await using stack = await bringUp(engine, await privilegedOverride(engine));
  const all = ["--profile", "services"];
  // Agent and gateway are made anew: they are told of the logs' server.
  const logsUrl = `http://127.0.0.1:${ports.logs}`;
  await stack.compose([...all, "up", "--detach", "--no-build"], { ESB_LOGS_URL: logsUrl });
  const podPid = String((await stack.facts("pod")).State.Pid);
  const inPod = (...command: string[]) => engine.inside("nsenter", "--target", podPid, "--net", ...command);

  await t.test("D3: each service is healthy by the check of its own image's tools", async () => {
    for (const name of names) {
      const id = (await stack.compose([...all, "ps", "--quiet", name])).trim();
      const health = () => engine.docker(["inspect", "--format", "{{.State.Health.Status}}", id]);
      await until(async () => assert.equal((await health()).trim(), "healthy", name), 60_000);
    }
  });

  await t.test("D3: a function's image is pushed to the registry, and pulled; it uses S3 and DynamoDB", async () => {
    const image = "127.0.0.1:5010/shop:1";
    const skopeo = ["skopeo", "copy", "--insecure-policy", "--quiet", "--dest-tls-verify=false"];
    await inPod(...skopeo, `oci-archive:${await servicesArchive()}`, `docker://${image}`);
    await appendFile(join(stack.config, "functions.yml"), `\n  shop: { image: "${image}", memory: 512 }\n`);
    const environment = await untilAnswered(stack, { op: "env" });
    assert.equal(environment.AWS_ENDPOINT_URL_S3, "http://10.63.0.1:9000");
    assert.equal(environment.AWS_ENDPOINT_URL_DYNAMODB, "http://10.63.0.1:8001");
    const { AWS_ACCESS_KEY_ID: id = "", AWS_SECRET_ACCESS_KEY: secret = "" } = environment;
    const made = parseEnv(await stack.exec("agent", "cat", "/service-credentials/credentials.env"));
    assert.deepEqual(made, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret });
    assert.ok(!(await stack.compose([...all, "logs"])).includes(secret));
    assert.deepEqual(await shop(stack, { op: "object", bucket: "orders", key: "1", text: "twelve" }), {
      text: "twelve",
    });
    assert.deepEqual(await shop(stack, { op: "item", table: "Orders", id: "1", text: "twelve" }), { text: "twelve" });
    const called = await shop(stack, { op: "call", name: "hello", payload: { name: "edge" } });
    // Both together have more than the agent's container may.
    assert.equal(called.message, "hello, edge", JSON.stringify(called));
  });

  await t.test("D3 O1: what agent and gateway log is in VictoriaLogs", async () => {
    for (const component of ["agent", "gateway"]) {
      const query = `${logsUrl}/select/logsql/query?query=component:${component}&limit=1`;
      await until(async () => assert.notEqual(await inPod("curl", "-fsS", query), ""), patienceMs);
    }
  });

  await t.test("D3 W5: services are reached by workers alone; registry and logs not even by these", async () => {
    const { Id: pod } = await stack.facts("pod");
    const ofPod = (await engine.docker(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", pod])).trim();
    for (const port of Object.values(ports)) {
      const connect = `exec 3<>/dev/tcp/${ofPod}/${port}`;
      await assert.rejects(engine.inside("timeout", "5", "bash", "-c", connect), /refused/, `${ofPod}:${port}`);
    }
    for (const port of [ports.registry, ports.logs]) {
      const refused = await shop(stack, { op: "request", url: `http://10.63.0.1:${port}/` });
      assert.equal(refused.error, "TimeoutError", JSON.stringify(refused));
    }
  });

  await t.test(
    "D3: with compose.services-ports.yaml the machine reaches them, and what they hold is kept",
    async () => {
      const files = ["--file", join(deploy, "compose.services-ports.yaml")];
      await stack.compose([...all, "down"]);
      await stack.compose([...files, ...all, "up", "--detach", "--no-build"]);
      await until(
        async () => assert.match(await engine.inside("curl", "-fsS", "http://127.0.0.1:5010/v2/_catalog"), /"shop"/),
        60_000,
      );
      const status = ["-sS", "-o", "/dev/null", "-w", "%{http_code}"];
      for (const [path, code] of [
        [`${ports.s3}/orders`, "403"],
        [`${ports.dynamodb}/`, "200"],
        [`${ports.logs}/health`, "200"],
      ])
        await until(
          async () => assert.equal(await engine.inside("curl", ...status, `http://127.0.0.1:${path}`), code),
          60_000,
        );
    },
  );
});

async function configOf(engine: DockerEngine, profiles: readonly string[], overrides: readonly string[]) {
  const files = ["compose.dind.yaml", ...overrides].flatMap((name) => ["--file", join(deploy, name)]);
  const chosen = profiles.flatMap((name) => ["--profile", name]);
  return JSON.parse(await engine.docker(["compose", ...files, ...chosen, "config", "--format", "json"])) as Config;
}

function added(before: readonly string[], { services }: Config): string[] {
  return Object.keys(services)
    .filter((name) => !before.includes(name))
    .sort();
}

async function shop(stack: Stack, payload: object): Promise<NodeJS.Dict<string>> {
  const { url, headers } = stack.request;
  const init = { method: "POST", headers, body: JSON.stringify(payload) };
  const response = await fetch(url.replace("/hello/", "/shop/"), init);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

/** The gateway reads functions.yml again within a second or two, and the image is pulled first. */
async function untilAnswered(stack: Stack, payload: object): Promise<Record<string, string>> {
  let answer: NodeJS.Dict<string> = {};
  await until(async () => {
    answer = await shop(stack, payload);
  }, 120_000);
  return answer as Record<string, string>;
}
