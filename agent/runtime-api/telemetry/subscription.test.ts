import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSubscription } from "./subscription.ts";

const subscription = (URI: string) => ({ types: ["platform"], destination: { protocol: "HTTP", URI } });

test("S7 L3 telemetry goes to the sandbox itself, however its name is written", () => {
  for (const [uri, port, path] of [
    ["http://sandbox.localdomain:4243/logs?a=1", 4243, "/logs?a=1"],
    ["http://sandbox", 80, "/"],
    ["http://SANDBOX.localdomain:80", 80, "/"],
    ["http://sandbox%2elocaldomain:9/../x", 9, "/x"],
    ["http://name:word@sandbox:9/", 9, "/"],
  ] as const) {
    const parsed = parseSubscription(subscription(uri));
    assert.ok(typeof parsed !== "string", `${uri}: ${parsed}`);
    assert.deepEqual([parsed.port, parsed.path], [port, path], uri);
  }
});

test("S7 L3 nor anywhere else: other hosts, the gateway, addresses of a link, names that resolve elsewhere", () => {
  for (const uri of [
    "http://example.com:80/",
    "http://localhost:8080/",
    "http://127.0.0.1:8080/",
    "http://10.63.0.1:9001/",
    "http://10.63.0.7:8080/",
    "http://254.0.0.9:8080/2015-03-31/functions/function/invocations",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1%25eth0]:80/",
    "http://[::1]:80/",
    "http://[::ffff:127.0.0.1]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://sandbox.localdomain@example.com/",
    "http://example.com#sandbox.localdomain",
    "http://example.com/?sandbox.localdomain",
    "http://example.com\\@sandbox.localdomain/",
    "http://sandbox.localdomain.example.com/",
    "http://sandbox.localdomain./",
    "http://xsandbox/",
    "http://sandbox:65536/",
    "https://sandbox.localdomain/",
    "ftp://sandbox.localdomain/",
    "file:///etc/passwd",
    "unix:/run/containerd/containerd.sock",
    "//sandbox.localdomain/",
    "sandbox.localdomain",
    "",
  ]) {
    assert.equal(typeof parseSubscription(subscription(uri)), "string", uri);
  }
});
