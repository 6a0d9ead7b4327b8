import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AgentError } from "../../errors.ts";
import { parseReference, registryHost } from "./reference.ts";

const sha = `sha256:${"a".repeat(64)}`;

describe("a reference is completed", () => {
  const table: [given: string, name: string, registry: string, repository: string][] = [
    ["python", "docker.io/library/python:latest", "docker.io", "library/python"],
    ["python:3.12", "docker.io/library/python:3.12", "docker.io", "library/python"],
    ["amazon/aws-cli:2", "docker.io/amazon/aws-cli:2", "docker.io", "amazon/aws-cli"],
    ["docker.io/python", "docker.io/library/python:latest", "docker.io", "library/python"],
    ["index.docker.io/a/b", "docker.io/a/b:latest", "docker.io", "a/b"],
    ["localhost/x:1", "localhost/x:1", "localhost", "x"],
    ["localhost:5010/x", "localhost:5010/x:latest", "localhost:5010", "x"],
    ["registry:5000/a/b/c:v1.0_x-y", "registry:5000/a/b/c:v1.0_x-y", "registry:5000", "a/b/c"],
    ["public.ecr.aws/lambda/nodejs:22", "public.ecr.aws/lambda/nodejs:22", "public.ecr.aws", "lambda/nodejs"],
    ["[::1]:5000/x:1", "[::1]:5000/x:1", "[::1]:5000", "x"],
    [`python@${sha}`, `docker.io/library/python@${sha}`, "docker.io", "library/python"],
    [`ghcr.io/a/b:1@${sha}`, `ghcr.io/a/b:1@${sha}`, "ghcr.io", "a/b"],
    ["Registry.local/x", "Registry.local/x:latest", "Registry.local", "x"],
  ];
  for (const [given, name, registry, repository] of table) {
    test(given, () => {
      const parsed = parseReference(given);
      assert.deepEqual([parsed.name, parsed.registry, parsed.repository], [name, registry, repository]);
      assert.equal(parseReference(parsed.name).name, parsed.name, "completing twice changes nothing");
    });
  }
});

describe("a wrong reference is refused", () => {
  const table = [
    ...["", " ", "UPPER", "a b", "a:", ":1", "/a", "a/", "a//b", "../a", "a/../b", "a:b:c", "a@", "a@sha256:12"],
    ...["a@md5:00", "-a", "a-", "a___b", "host:port/x", "http://a/b", "a\nb", "a\u0000", `a:${"x".repeat(129)}`],
    "x".repeat(300),
  ];
  for (const given of table) {
    test(JSON.stringify(given.slice(0, 40)), () => {
      assert.throws(
        () => parseReference(given),
        (error) => error instanceof AgentError && error.code === "INVALID_REQUEST",
      );
    });
  }
});

test("Docker Hub is served by another host than its name", () => {
  assert.equal(registryHost("docker.io"), "registry-1.docker.io");
  assert.equal(registryHost("localhost:5010"), "localhost:5010");
});
