import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { loadConflist, parseConflist } from "./conflist.ts";

const shipped = new URL("../../cni/esb.conflist", import.meta.url).pathname;
const values = {
  LAMBDA_NETWORK: "lab",
  ESB_BRIDGE: "lab0",
  ESB_SUBNET: "10.9.0.0/24",
  ESB_GATEWAY: "10.9.0.1",
  ESB_IPAM_DIR: "/state/ipam",
  ESB_MTU: 1400,
};

const placeholder = (name: string) => `\${${name}}`;

test("the list that is shipped is filled in, numbers as numbers", async () => {
  const list = await loadConflist(shipped, values);
  assert.equal(list.name, "lab");
  assert.deepEqual(list.plugins[0], {
    type: "bridge",
    bridge: "lab0",
    mtu: 1400,
    isGateway: false,
    ipMasq: false,
    hairpinMode: false,
    ipam: {
      type: "host-local",
      dataDir: "/state/ipam",
      ranges: [[{ subnet: "10.9.0.0/24", gateway: "10.9.0.1" }]],
      routes: [{ dst: "0.0.0.0/0" }],
    },
  });
});

test("the list that is shipped has every placeholder that there is", async () => {
  const text = await readFile(shipped, "utf8");
  for (const name of Object.keys(values)) assert.ok(text.includes(placeholder(name)), name);
});

test("a value cannot break out of its string", () => {
  const text = `{"cniVersion":"1.0.0","name":"a-${placeholder("LAMBDA_NETWORK")}","plugins":[{"type":"x"}]}`;
  assert.equal(parseConflist(text, { LAMBDA_NETWORK: '","type":"y' }).name, 'a-","type":"y');
});

for (const [what, text, expected] of [
  ["no JSON", "{", /JSON/],
  ["an unknown placeholder", `{"name":"${placeholder("OTHER")}"}`, /\$\{OTHER\} is unknown; known are/],
  ["no plugin", '{"cniVersion":"1.0.0","name":"a","plugins":[]}', /plugins/],
  ["an unknown version", '{"cniVersion":"9.9.9","name":"a","plugins":[{"type":"x"}]}', /cniVersion/],
  ["a path for a plugin", '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"../x"}]}', /type/],
  ["masquerade", '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"x","ipMasq":true}]}', /one rule/],
] as const) {
  test(`a list with ${what} is refused`, () => {
    assert.throws(() => parseConflist(text, values), expected);
  });
}

test("a list that is not there is the configuration's fault, with its path", async () => {
  await assert.rejects(loadConflist("/nowhere/x.conflist", values), (error) => {
    return error instanceof ConfigurationError && error.message.startsWith("ESB_CNI_CONF=/nowhere/x.conflist: ");
  });
});
