import assert from "node:assert/strict";
import { test } from "node:test";
import { bundleComposeFile } from "./compose-file.ts";
import { includedFiles, mountedFiles, servicesOf } from "./contents.ts";

test("Offline: files that services mount come along, but not the owner's folder or what is elsewhere", () => {
  const bind = (source: string) => ({ volumes: [{ type: "bind", source }] });
  const config = {
    services: {
      gateway: bind("/esb/deploy"),
      functions: bind("/esb/deploy/images"),
      logs: bind("/esb/deploy/logs/settings.yml"),
      again: bind("/esb/deploy/logs/settings.yml"),
      host: bind("/run/containerd"),
      volume: { volumes: [{ type: "volume", source: "state" }] },
    },
    configs: { one: { file: "/esb/deploy/one.conf" } },
    secrets: { none: {} },
  };
  assert.deepEqual(mountedFiles(config, "/esb/deploy"), ["logs/settings.yml", "one.conf"]);
});

test("Offline: compose files that a compose file includes are found in both of its notations", () => {
  assert.deepEqual(includedFiles("include: [a.yaml, { path: b.yaml }, { path: [c.yaml, d.yaml] }]"), [
    "a.yaml",
    "b.yaml",
    "c.yaml",
    "d.yaml",
  ]);
  assert.deepEqual(includedFiles("services: { one: { build: !reset null } }"), []);
});

test("Offline: a service without an image cannot be packed", () => {
  assert.throws(() => servicesOf({ services: { one: {} } }), /the service one names no image/);
});

test("Offline: in the bundle's compose file each service has its image, and nothing is built, pulled or left out", () => {
  const text = bundleComposeFile([{ name: "agent", image: "esb/agent:1", isOurs: true }]);
  const agent = [
    "    image: esb/agent:1",
    "    pull_policy: never",
    "    build: !reset null",
    "    profiles: !reset []",
  ];
  assert.equal(text, `# Made by scripts/bundle.ts.\nservices:\n  agent:\n${agent.join("\n")}\n`);
});
