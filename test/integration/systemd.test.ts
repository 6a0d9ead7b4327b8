import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv, promisify } from "node:util";
import { type Launch, startEsb } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";
import { patienceMs, testProcess, until, untilWhileAlive } from "../support/process.ts";
import { providedArchive, providedImage } from "../support/runtimes/images.ts";
import { makeBareHost } from "../support/systemd/bare-host.ts";
import { readService, unitPath } from "../support/systemd/unit.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const [agentUnit, gatewayUnit, runtimeUnit] = ["esb-agent.service", "esb-gateway.service", "esb-runtime-api.service"];
const functions = `
defaults: { idle: { freezeAfterMs: 300 } }
functions: { hello: { image: "${staticServerImage}" }, native: { image: "${providedImage}" } }
`;

for (const unit of [agentUnit, gatewayUnit, runtimeUnit]) {
  test(`Systemd: systemd finds nothing wrong with ${unit} (issue 5)`, async () => {
    await using folder = await temporaryFolder();
    const text = (await readFile(unitPath(unit), "utf8")).replaceAll("/usr/local/bin/node", process.execPath);
    const verify = async (lines: string) => {
      await writeFile(join(folder.path, unit), lines.replaceAll("/opt/esb", root));
      const options = ["--man=no", "--recursive-errors=no"];
      return (await run("systemd-analyze", ["verify", ...options, join(folder.path, unit)])).stderr;
    };
    assert.equal(await verify(text), "");
    await assert.rejects(verify(text.replace("KillMode=", "KilMode=")), /Unknown key.*'KilMode'/);
  });
}

/** What each version of systemd counts differs a little. */
const slack = 4;
/** Tenths, from 0 (nothing is left to restrict) to 100. */
for (const [unit, exposure] of [
  [agentUnit, 47],
  [gatewayUnit, 13],
  [runtimeUnit, 13],
] as const) {
  test(`Systemd: ${unit} is exposed hardly more than docs/deployment.md says (D4)`, async () => {
    const check = (threshold: number) =>
      run("systemd-analyze", ["security", "--offline=true", `--threshold=${threshold}`, unitPath(unit)]);
    await check(exposure + slack);
    await assert.rejects(check(1));
    const documented = await readFile(join(root, "docs/deployment.md"), "utf8");
    assert.match(
      documented,
      new RegExp(`\`${unit.replace(".service", "")}\` \\|.*\\| ${(exposure / 10).toFixed(1)} \\|`),
    );
  });
}

test("Systemd: started and confined as their units say, the programs serve cold, warm and frozen workers (D4)", async () => {
  await using folder = await temporaryFolder();
  const host = await makeBareHost(folder.path, functions);
  await using group = await controlGroup();
  const agent: Launch = {
    through: await host.confinedAs(agentUnit, { cgroup: group.path }),
    settings: await host.environment(agentUnit),
  };
  const gateway: Launch = {
    through: await host.confinedAs(gatewayUnit),
    settings: await host.environment(gatewayUnit),
  };
  const runtimeApi: Launch = {
    through: await host.confinedAs(runtimeUnit),
    settings: await host.environment(runtimeUnit),
  };
  await startPre(gateway);
  await using esb = await startEsb({
    functions,
    launches: { agent, gateway, "runtime-api": runtimeApi },
    runtimeApi: true,
    archives: await Promise.all([staticServerArchive(), providedArchive()]),
    settings: { ESB_AGENT_ADDRESS: agent.settings?.ESB_AGENT_ADDRESS ?? "" },
  });
  const { ESB_API_KEY = "" } = parseEnv(await readFile(host.at("var/lib/esb-gateway/credentials.env"), "utf8"));
  const answers = async (name = "hello") => {
    const answer = await esb.invoke(name, {}, { headers: { "x-api-key": ESB_API_KEY } });
    assert.deepEqual([answer.status, answer.headers.get("x-amz-function-error")], [200, null], await answer.text());
  };
  for (const name of ["hello", "native"]) {
    await answers(name);
    await answers(name);
    await esb.waitForTask(`${name}-0`, "PAUSED");
    await answers(name);
  }
  assert.equal((await esb.invoke("hello")).status, 403);

  // What lives longer than a call is not the agent's child: with KillMode=mixed it would end with it.
  await until(async () => assert.deepEqual(await group.processes(), [esb.agent.pid]), patienceMs);
  const before = await esb.ctr("tasks", "ls");
  await esb.agent.stop("SIGTERM");
  await esb.agent.start();
  await esb.agentReady();
  await answers();
  assert.equal(pidOf(await esb.ctr("tasks", "ls")), pidOf(before));
  await esb.workers.destroy({ workerId: "hello-0" });
  assert.equal(await esb.taskState("hello-0"), undefined);

  const status = await readFile(`/proc/${esb.gateway.pid}/status`, "utf8");
  assert.match(status, new RegExp(`^Uid:\\s+${host.user("esb-gateway")}\\s`, "m"));
  assert.match(status, /^CapBnd:\s+0+$/m);
  assert.match(status, /^Seccomp:\s+2$/m);
  const { mode, gid } = await stat(host.at("run/esb-agent/agent.sock"));
  assert.deepEqual([mode & 0o777, gid], [0o775, host.user("esb-gateway")]);
});

test("Systemd: started and confined as its unit says, the Runtime API is reached by the agent alone (D4)", async () => {
  await using folder = await temporaryFolder();
  const host = await makeBareHost(folder.path, functions);
  const api = testProcess({
    through: await host.confinedAs(runtimeUnit),
    args: ["agent/runtime-api/main.ts"],
    cwd: root,
    environment: await host.environment(runtimeUnit),
    logPath: join(folder.path, "log"),
  });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => api.stop("SIGKILL"));
  await api.start();
  await untilWhileAlive(api, async () => assert.match(await api.log(), /"listening"/), patienceMs);
  const connect = ([file = "", ...words]: readonly string[]) => {
    const socket = JSON.stringify(host.at("run/esb-runtime-api/runtime-api.sock"));
    return run(file, [...words, process.execPath, "-e", `require("net").connect(${socket}, () => process.exit())`]);
  };
  await connect(await host.confinedAs(agentUnit));
  await assert.rejects(connect(await host.confinedAs(gatewayUnit)), /EACCES/);
  await api.stop("SIGTERM");
  assert.match(await api.log(), /"ended"/);
});

test("Systemd: what a unit forbids is refused where the tests confine as it does (D4)", async () => {
  await using folder = await temporaryFolder();
  const host = await makeBareHost(folder.path, functions);
  const [agent, gateway] = [await host.confinedAs(agentUnit), await host.confinedAs(gatewayUnit)];
  for (const [words, command, expected] of [
    [gateway, `touch ${host.at("run/esb-gateway/file")}`, /^$/],
    [gateway, `touch ${host.at("file")}`, /Read-only file system/],
    [gateway, "unshare --net true", /Operation not permitted/],
    [gateway, `perl -e 'socket(my $s, 17, 3, 0) or die "$!\\n"'`, /Address family not supported/],
    [agent, "unshare --net true", /^$/],
    [agent, "unshare --uts true", /Operation not permitted/],
    [agent, `mknod ${host.at("null")} c 1 3`, /Operation not permitted/],
    [agent, `perl -e 'socket(my $s, 40, 1, 0) or die "$!\\n"'`, /Address family not supported/],
  ] as const) {
    const [file = "", ...args] = words;
    const said = await run(file, [...args, "sh", "-c", command]).then(
      () => "",
      (error: { stderr: string }) => error.stderr || "no word",
    );
    assert.match(said, expected, command);
  }
});

/** ExecStartPre= of the gateway, which has one variable, as ExecStart= is run. */
async function startPre({ through: [file = "", ...words], settings }: Launch): Promise<void> {
  const [line = ""] = (await readService(gatewayUnit)).get("ExecStartPre") ?? [];
  const [, ...args] = line.replace(/\$\{(\w+)\}/, (_, name) => settings?.[name] ?? "").split(" ");
  await run(file, [...words, process.execPath, ...args], { cwd: root });
}

/** A control group of the test's own, to see who is in it. */
async function controlGroup() {
  const parents = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
  const path = await Promise.any(
    parents.map(async (parent) => {
      await stat(join(parent, "cgroup.procs"));
      return join(parent, "esb-systemd-");
    }),
  ).then((prefix) => mkdtemp(prefix));
  return {
    path,
    processes: async () => (await readFile(join(path, "cgroup.procs"), "utf8")).split("\n").filter(Boolean).map(Number),
    [Symbol.asyncDispose]: () => rmdir(path),
  };
}

function pidOf(tasks: string): string | undefined {
  return /^hello-0\s+(\d+)/m.exec(tasks)?.[1];
}

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "esb-systemd-"));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
