import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError, readSettings, unknownSettings } from "./environment.ts";
import { type SettingName, settings } from "./settings.ts";

const names = Object.keys(settings) as SettingName[];

function problemsOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readSettings(names, environment);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split("\n");
  }
  return [];
}

test("every default is valid, and what is read cannot be changed", () => {
  const values = readSettings(names, {});
  assert.deepEqual(
    [values.ESB_GATEWAY_PORT, values.ESB_FREEZE_AFTER_MS, values.ESB_SUBNET],
    [8080, 1000, "10.63.0.0/16"],
  );
  assert.deepEqual(values.ESB_CNI_BIN_DIR, ["/opt/cni/bin", "/usr/lib/cni"]);
  assert.equal(values.ESB_REGISTRY_CA, undefined);
  assert.ok(Object.isFrozen(values));
});

test("an empty variable counts as absent", () => {
  assert.equal(readSettings(["ESB_NAMESPACE"], { ESB_NAMESPACE: "" }).ESB_NAMESPACE, "esb");
});

test("only what is asked for is read", () => {
  assert.deepEqual(readSettings(["ESB_OWNER"], { ESB_OWNER: "edge", ESB_GATEWAY_PORT: "x" }), { ESB_OWNER: "edge" });
});

test("all wrong variables are told together, each with its value", () => {
  const problems = problemsOf({ ESB_NAMESPACE: "../etc", ESB_STATE_DIR: "state", ESB_NETWORK: "none" });
  assert.equal(problems.length, 3);
  assert.equal(problems[0], "ESB_NAMESPACE=../etc: must be letters and digits joined by single . _ or -");
});

test("wrong values are refused, however near to right they are", () => {
  const wrong: [SettingName, string[]][] = [
    ["ESB_GATEWAY_PORT", ["0", "65536", "80.5", "x", " ", "0x50", "1e3", "-1"]],
    ["ESB_AGENT_ADDRESS", ["50051", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:0", "unix:/a", "http://a:1", ""]],
    ["ESB_FREEZE_AFTER_MS", ["-2", "0.5", "2147483648", " "]],
    ["IDLE_TIMEOUT_MINUTES", ["0", "-1", "Infinity", "527041"]],
    ["ESB_SUBNET", ["10.63.0.0", "10.63.0.0/33", "10.256.0.0/16", "fd00::/64"]],
    ["ESB_HOST_PORTS", ["20000", "20999-20000", "0-10", "20000-70000"]],
    ["ESB_RUNTIME_OPTIONS", ["{", "[]", '{"a":{}}', "null"]],
    ["ESB_DNS", ["dns.example", "10.0.0.1:53", "10.0.0.1 10.0.0.2"]],
    ["ESB_CONTAINERD_ADDRESS", ["containerd.sock", "unix:///a"]],
    ["LAMBDA_NETWORK", ["Esb", "esb0123456789", "e/b", "0a"]],
    ["ESB_OWNER", ["a b", "a/b", "a".repeat(65)]],
    ["LOG_LEVEL", ["verbose"]],
    ["ESB_LOGS_URL", ["127.0.0.1:9428", "ftp://a", "http://", "http://user:100%@127.0.0.1:9428"]],
    ["RUNTIME_TYPE", ["docker"]],
  ];
  for (const [name, values] of wrong) {
    for (const value of values.filter((text) => text !== "")) {
      assert.equal(problemsOf({ [name]: value }).length, 1, `${name}=${value}`);
    }
  }
});

test("right values are read into what they mean", () => {
  const values = readSettings(names, {
    ESB_AGENT_ADDRESS: "unix:///run/esb/agent.sock",
    ESB_FREEZE_AFTER_MS: "-1",
    IDLE_TIMEOUT_MINUTES: "0.05",
    ESB_DNS: " 1.1.1.1, ,8.8.8.8 ",
    ESB_RUNTIME_OPTIONS: '{"binary_name":"crun","no_pivot_root":true}',
    ESB_HOST_PORTS: "1-65535",
  });
  assert.deepEqual(
    [values.ESB_AGENT_ADDRESS, values.ESB_FREEZE_AFTER_MS, values.IDLE_TIMEOUT_MINUTES, values.ESB_DNS],
    ["unix:///run/esb/agent.sock", -1, 0.05, ["1.1.1.1", "8.8.8.8"]],
  );
  assert.deepEqual(values.ESB_RUNTIME_OPTIONS, { binary_name: "crun", no_pivot_root: true });
});

test("an unknown ESB_ variable is told with the nearest known name; others are nobody's business", () => {
  const sentences = unknownSettings({ ESB_FREEZE_AFTER: "1", ESB_OWNER: "a", PATH: "/bin", LAMBDA_NETWORKS: "x" });
  assert.deepEqual(sentences, ["ESB_FREEZE_AFTER is not a setting of esb; did you mean ESB_FREEZE_AFTER_MS?"]);
});

test("a setting that is named twice and wrong is told once", () => {
  assert.throws(
    () => readSettings(["ESB_MODE", "ESB_TLS", "ESB_MODE"], { ESB_MODE: "Production" }),
    (error: Error) => error.message.split("ESB_MODE").length === 2,
  );
});

test("G2: what was put by a slip where a path or a name belongs is told without its value", () => {
  const slips = {
    ESB_JWT_KEYS: '{"keys":[{"kty":"oct","k":"topsecret"}]}',
    ESB_TLS_KEY: "-----BEGIN PRIVATE KEY-----\ntopsecret",
    ESB_AUTH_FILE: "apiKeys: [{ id: a, key: topsecret }]",
    ESB_AWS_ACCESS_KEY_ID: "topsecret/of+an/access+key",
  } as const;
  for (const [name, value] of Object.entries(slips)) {
    assert.throws(
      () => readSettings([name as keyof typeof slips], { [name]: value }),
      (error: Error) => error.message.startsWith(`${name}: must be`) && !error.message.includes("topsecret"),
    );
  }
});

test("G2: a secret that is wrong is told without its value", () => {
  assert.throws(
    () => readSettings(["ESB_API_KEY"], { ESB_API_KEY: "topsecret" }),
    (error: Error) => error.message === "ESB_API_KEY: must be 16 characters or longer",
  );
});
