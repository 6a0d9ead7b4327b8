import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError, readSettings } from "../environment.ts";
import { agentTlsFiles, agentTlsSettings, hostOf } from "./mode.ts";

const read = (environment: Record<string, string>) => agentTlsFiles(readSettings(agentTlsSettings, environment));
const all = { ESB_AGENT_TLS_CA: "/ca", ESB_AGENT_TLS_CERT: "/cert", ESB_AGENT_TLS_KEY: "/key" };
const files = { authorities: "/ca", certificate: "/cert", key: "/key" };
const local = ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:///run/esb/agent.sock"];
const elsewhere = ["10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[fd00::1]:1", "agent:1", "127.0.0.1.example:1", "128.0.0.1:1"];

for (const ESB_AGENT_ADDRESS of local) {
  test(`D4: at ${ESB_AGENT_ADDRESS}, TLS is on where it is asked for, or files are named`, () => {
    assert.equal(read({ ESB_AGENT_ADDRESS }), undefined);
    assert.deepEqual(read({ ESB_AGENT_ADDRESS, ...all }), files);
    assert.equal(read({ ESB_AGENT_ADDRESS, ...all, ESB_AGENT_TLS: "off" }), undefined);
    assert.throws(
      () => read({ ESB_AGENT_ADDRESS, ESB_AGENT_TLS: "on" }),
      /^ConfigurationError: ESB_AGENT_TLS=on: needs/,
    );
    assert.throws(
      () => read({ ESB_AGENT_ADDRESS, ESB_AGENT_TLS_CA: "/ca" }),
      /needs ESB_AGENT_TLS_CERT, ESB_AGENT_TLS_KEY;/,
    );
  });
}

for (const ESB_AGENT_ADDRESS of elsewhere) {
  test(`D4: at ${ESB_AGENT_ADDRESS} there is nothing without TLS`, () => {
    const refusal = (environment: Record<string, string>) => {
      assert.throws(
        () => read({ ESB_AGENT_ADDRESS, ...environment }),
        (error: Error) =>
          error instanceof ConfigurationError &&
          error.message.includes(
            `ESB_AGENT_ADDRESS=${ESB_AGENT_ADDRESS} is neither a loopback address nor a unix socket`,
          ),
      );
    };
    refusal({});
    refusal({ ESB_AGENT_TLS: "off" });
    refusal({ ...all, ESB_AGENT_TLS: "off" });
    assert.deepEqual(read({ ESB_AGENT_ADDRESS, ...all }), files);
  });
}

test("the host is what the agent's certificate has to hold for", () => {
  const hosts = ["agent:50051", "10.0.0.1:1", "[::1]:1", "unix:///a/b.sock"].map(hostOf);
  assert.deepEqual(hosts, ["agent", "10.0.0.1", "::1", "localhost"]);
});
