import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChallenges } from "./challenge.ts";

const table: [header: string, challenges: [scheme: string, parameters: Record<string, string>][]][] = [
  ["", []],
  ["Basic", [["basic", {}]]],
  ['Basic realm="a registry"', [["basic", { realm: "a registry" }]]],
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      [
        "bearer",
        { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull,push" },
      ],
    ],
  ],
  ["BEARER Realm = x , Service=y", [["bearer", { realm: "x", service: "y" }]]],
  [
    'Basic realm="a", Bearer realm="b"',
    [
      ["basic", { realm: "a" }],
      ["bearer", { realm: "b" }],
    ],
  ],
  ['Basic realm="say \\"hi\\""', [["basic", { realm: 'say "hi"' }]]],
  ['Basic realm="open', [["basic", {}]]],
];

for (const [header, challenges] of table) {
  test(JSON.stringify(header), () => {
    const parsed = parseChallenges(header);
    assert.deepEqual(
      parsed.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
      challenges,
    );
  });
}
