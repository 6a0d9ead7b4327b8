import assert from "node:assert/strict";
import { test } from "node:test";
import { driverOf } from "./driver.ts";
import type { ImageConfig } from "./types.ts";

const images: readonly (readonly [what: string, config: ImageConfig, expected: string])[] = [
  ["a web server", { Entrypoint: ["/server"] }, "http"],
  ["nothing at all", {}, "http"],
  ["Node with a server of its own", { Entrypoint: ["node"], Cmd: ["/var/task/server.mjs"] }, "http"],
  ["AWS's base image", { Entrypoint: ["/lambda-entrypoint.sh"], Cmd: ["app.handler"] }, "runtime-api"],
  ["npx aws-lambda-ric", { Entrypoint: ["/usr/local/bin/npx", "aws-lambda-ric"], Cmd: ["i.h"] }, "runtime-api"],
  ["aws-lambda-ric by its file", { Entrypoint: ["node", "/a/node_modules/aws-lambda-ric/index.mjs"] }, "runtime-api"],
  ["python3 -m awslambdaric", { Entrypoint: ["/usr/bin/python3", "-m", "awslambdaric"] }, "runtime-api"],
  ["a client in a shell's words", { Cmd: ["sh", "-c", "exec python3 -m awslambdaric app.handler"] }, "runtime-api"],
  [
    "Java's client",
    { Entrypoint: ["java", "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"] },
    "runtime-api",
  ],
  ["a bootstrap", { Entrypoint: ["/var/runtime/bootstrap"] }, "runtime-api"],
  ["a bootstrap beside its task", { Cmd: ["./bootstrap"], WorkingDir: "/var/task" }, "runtime-api"],
  ["a program that only has the name", { Entrypoint: ["/usr/bin/bootstrap"] }, "http"],
  [
    "provided with a program of any name",
    { Entrypoint: ["/main"], Env: ["LAMBDA_RUNTIME_DIR=/var/runtime"] },
    "runtime-api",
  ],
  [
    "an emulator before a client",
    { Entrypoint: ["/usr/local/bin/aws-lambda-rie", "python3", "-m", "awslambdaric", "lambda_function.handler"] },
    "emulator",
  ],
  ["an emulator in an image of AWS's", { Cmd: ["aws-lambda-rie", "x"], Env: ["LAMBDA_RUNTIME_DIR=/x"] }, "emulator"],
  ["a label that says api", { Entrypoint: ["/server"], Labels: { "esb.runtime": "api" } }, "runtime-api"],
  ["a label that says http", { Entrypoint: ["aws-lambda-ric"], Labels: { "esb.runtime": "http" } }, "http"],
  [
    "a label that says nothing known",
    { Entrypoint: ["aws-lambda-ric"], Labels: { "esb.runtime": "x" } },
    "runtime-api",
  ],
];
for (const [what, config, expected] of images) {
  test(`L3: an image with ${what} is driven as ${expected}`, () => {
    assert.equal(driverOf({ command: [] }, config), expected);
  });
}

test("L3: what the function says comes before its image, and its own command before the image's", () => {
  const client = { Entrypoint: ["aws-lambda-ric"], Labels: { "esb.runtime": "api" } };
  assert.equal(driverOf({ command: [], driver: "http" }, client), "http");
  assert.equal(driverOf({ command: ["/server"] }, { Entrypoint: ["aws-lambda-ric"] }), "http");
  assert.equal(driverOf({ command: ["python3", "-m", "awslambdaric"] }, { Entrypoint: ["/server"] }), "runtime-api");
});
