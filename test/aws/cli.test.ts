import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CliClient, cliClient } from "./clients/cli.ts";
import { pythonClients } from "./clients/python.ts";
import { invokeSuite, withClient } from "./suite.ts";

/** The AWS CLI, unmodified. */

const clients = await pythonClients();
const settled = withClient<CliClient>(async (url) => (typeof clients === "string" ? clients : cliClient(clients, url)));
invokeSuite("AWS CLI", settled);

/** Only version 2 has it, and it means what version 1 does anyway. */
const forVersion1 = (command: string) => command.replace(/--cli-binary-format raw-in-base64-out\s*(\\\n)?/, "");

const read = async (client: CliClient, name: string) => readFile(join(client.folder, name), "utf8");

settled("L1: the examples of the CLI's own reference", async ({ client }) => {
  const folder = typeof clients === "string" ? "" : clients.packages;
  const text = await readFile(join(folder, "awscli/examples/lambda/invoke.rst"), "utf8");
  const examples = [...text.matchAll(/^ {4}(aws lambda invoke .*?)^Output::\n(.*?)^\S/gms)];
  assert.equal(examples.length, 2);
  for (const [, command = "", output = ""] of examples) {
    const { code, stdout, stderr } = await client.shell(forVersion1(command.trim()));
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(output));
  }
});

settled("L1: the developer guide: invoked synchronously, with the answer in a file", async ({ client }) => {
  const command = `aws lambda invoke --function-name my-function --payload '{ "key": "value" }' response.json`;
  const { stdout } = await client.shell(command);
  assert.deepEqual(JSON.parse(stdout), { ExecutedVersion: "$LATEST", StatusCode: 200 });
  assert.equal(await read(client, "response.json"), '{ "key": "value" }');
});

settled("L1: the developer guide: a payload that is no JSON", async ({ client }) => {
  const { code, stderr } = await client.shell(
    "aws lambda invoke --function-name my-function --payload value response.json",
  );
  assert.notEqual(code, 0);
  const told =
    "An error occurred (InvalidRequestContentException) when calling the Invoke operation: Could not parse request body into json: ";
  assert.ok(stderr.includes(told), stderr);
});

settled("L1: the developer guide: invoked asynchronously", async ({ client }) => {
  const command = `aws lambda invoke --function-name my-function --invocation-type Event --payload '{ "key": "value" }' response.json`;
  const { stdout } = await client.shell(command);
  assert.deepEqual(JSON.parse(stdout), { StatusCode: 202 });
});

settled("L1: the developer guide: the end of the log, decoded", async ({ client }) => {
  const inFull = await client.shell("aws lambda invoke --function-name my-function out --log-type Tail");
  const { LogResult, ...rest } = JSON.parse(inFull.stdout);
  assert.deepEqual(rest, { ExecutedVersion: "$LATEST", StatusCode: 200 });
  assert.match(LogResult, /^U1RBUlQgUmVxdWVzdElkOi/, "as the guide's own begins");
  const { stdout } = await client.shell(
    "aws lambda invoke --function-name my-function out --log-type Tail --query 'LogResult' --output text | base64 --decode",
  );
  const [, start, end, report] =
    /^START RequestId: (\S+) Version: \$LATEST\nEND RequestId: (\S+)\nREPORT RequestId: (\S+)\t/.exec(stdout) ?? [];
  assert.ok(start !== undefined && start === end && end === report, stdout);
});

settled("L1: the developer guide: a function that fails is told of beside its status", async ({ client }) => {
  const { code, stdout } = await client.shell("aws lambda invoke --function-name failing response.json");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { ExecutedVersion: "$LATEST", FunctionError: "Unhandled", StatusCode: 200 });
  assert.equal(JSON.parse(await read(client, "response.json")).errorType, "RangeError");
});

settled("L1 L3: the tutorial of a custom runtime: its function's own text, which is no JSON", async ({ client }) => {
  const command = `aws lambda invoke --function-name bash-runtime --payload '{"text":"Hello"}' response.txt --cli-binary-format raw-in-base64-out`;
  const { stdout } = await client.shell(forVersion1(command));
  assert.deepEqual(JSON.parse(stdout), { ExecutedVersion: "$LATEST", StatusCode: 200 });
  assert.equal(await read(client, "response.txt"), `Echoing request: '{"text":"Hello"}'`);
});

settled(
  "L1: the developer guide's tenant isolation, which there is not: refused, not served without",
  async (setting) => {
    const before = (await setting.esb.workers.list({})).workers.length;
    for (const type of ["", "--invocation-type Event"]) {
      const command = `aws lambda invoke --function-name image-analysis --tenant-id blue ${type} response.json`;
      const { code, stderr } = await setting.client.shell(command);
      assert.notEqual(code, 0);
      assert.match(stderr, /InvalidParameterValueException.* not enabled with tenancy configuration/);
    }
    assert.equal((await setting.esb.workers.list({})).workers.length, before);
  },
);

settled("L1: the older invoke-async", async ({ client }) => {
  await writeFile(join(client.folder, "args.json"), "{}");
  const { code, stdout, stderr } = await client.shell(
    "aws lambda invoke-async --function-name my-function --invoke-args args.json",
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { Status: 202 });
});
