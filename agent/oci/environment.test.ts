import assert from "node:assert/strict";
import { test } from "node:test";
import { buildEnvironment, type EnvironmentInput } from "./environment.ts";

const input: EnvironmentInput = {
  identity: {
    id: "hello-0",
    function: "hello",
    slot: 0,
    owner: "gateway",
    image: "localhost/hello:1",
    instanceId: "0b9f3f6e-8d5c-4a51-9c0b-2f4f2f0a7d11",
    specDigest: "sha256:0",
    createdAtMs: Date.UTC(2026, 0, 31, 23, 59),
    memoryBytes: 128 * 1024 ** 2,
  },
  function: {
    name: "hello",
    image: "localhost/hello:1",
    command: [],
    environment: {},
    memoryBytes: 128 * 1024 ** 2,
    timeoutMs: 2500,
    tmpBytes: 512 * 1024 ** 2,
    pullPolicy: "never",
    handler: "",
  },
  imageEnvironment: [],
  region: "eu-west-1",
  port: 8080,
  handler: "",
};

const environmentOf = (changes: Partial<EnvironmentInput>, environment: Record<string, string> = {}) =>
  Object.fromEntries(
    buildEnvironment({ ...input, ...changes, function: { ...input.function, ...changes.function, environment } }).map(
      (entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)],
    ),
  );

test("Lambda's variables are set", () => {
  assert.deepEqual(environmentOf({}), {
    PATH: "/usr/local/bin:/usr/bin:/bin:/opt/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    HOME: "/tmp",
    AWS_LAMBDA_FUNCTION_NAME: "hello",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
    AWS_LAMBDA_FUNCTION_TIMEOUT: "3",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/hello",
    AWS_LAMBDA_LOG_STREAM_NAME: "2026/01/31/[$LATEST]0b9f3f6e8d5c4a519c0b2f4f2f0a7d11",
    AWS_REGION: "eu-west-1",
    AWS_DEFAULT_REGION: "eu-west-1",
    LAMBDA_TASK_ROOT: "/var/task",
    LAMBDA_RUNTIME_DIR: "/var/runtime",
    PORT: "8080",
  });
});

const precedence: { name: string; image: string[]; function: Record<string, string>; key: string; is: string }[] = [
  {
    name: "the image wins over defaults",
    image: ["PATH=/opt/bin", "TZ=CET"],
    function: {},
    key: "PATH",
    is: "/opt/bin",
  },
  {
    name: "the function wins over the image",
    image: ["A=image"],
    function: { A: "function" },
    key: "A",
    is: "function",
  },
  { name: "the last of two in the image wins", image: ["A=1", "A=2"], function: {}, key: "A", is: "2" },
  { name: "a value may hold an equals sign", image: ["A=b=c"], function: {}, key: "A", is: "b=c" },
  { name: "a name alone is empty", image: ["A"], function: {}, key: "A", is: "" },
  {
    name: "a reserved name cannot be set",
    image: ["AWS_REGION=x"],
    function: { AWS_REGION: "y" },
    key: "AWS_REGION",
    is: "eu-west-1",
  },
  { name: "a name of Object's own is a name", image: [], function: { constructor: "x" }, key: "constructor", is: "x" },
  { name: "the port is not the function's to choose", image: [], function: { PORT: "3000" }, key: "PORT", is: "8080" },
];
for (const row of precedence) {
  test(row.name, () => {
    assert.equal(environmentOf({ imageEnvironment: row.image }, row.function)[row.key], row.is);
  });
}

test("no variable stands twice", () => {
  const names = buildEnvironment({ ...input, imageEnvironment: ["PATH=/bin", "AWS_REGION=x", "PATH=/usr/bin"] }).map(
    (entry) => entry.split("=")[0],
  );
  assert.equal(new Set(names).size, names.length);
});

test("a handler is told when there is one", () => {
  assert.equal(environmentOf({})._HANDLER, undefined);
  assert.equal(environmentOf({ handler: "app.handler" })._HANDLER, "app.handler");
});

test("the emulator is never told a timeout of 0", () => {
  const spec = { ...input.function, timeoutMs: 1 };
  assert.equal(environmentOf({ function: spec }).AWS_LAMBDA_FUNCTION_TIMEOUT, "1");
});

const access = { endpoint: "http://10.63.0.1:8372", accessKeyId: "A", secretAccessKey: "S", sessionToken: "T" };
const accessNames = ["AWS_ENDPOINT_URL_LAMBDA", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

test("L7: an AWS SDK finds where Lambda's API is and what to show there", () => {
  const { [accessNames[0] ?? ""]: endpoint, ...rest } = environmentOf({ access });
  assert.equal(endpoint, "http://10.63.0.1:8372");
  assert.deepEqual([rest.AWS_ACCESS_KEY_ID, rest.AWS_SECRET_ACCESS_KEY, rest.AWS_SESSION_TOKEN], ["A", "S", "T"]);
});

for (const name of accessNames) {
  test(`L7: a function that has ${name} of its own gets none of ours, and nobody else is sent our token`, () => {
    for (const found of [
      environmentOf({ access }, { [name]: "mine" }),
      environmentOf({ access, imageEnvironment: [`${name}=mine`] }),
    ]) {
      assert.deepEqual(
        accessNames.filter((one) => found[one] !== undefined),
        [name],
      );
      assert.equal(found[name], "mine");
    }
  });
}

test("where the runtime API is stays unsaid, so that images start the emulator they carry", () => {
  assert.equal(environmentOf({}).AWS_LAMBDA_RUNTIME_API, undefined);
});
