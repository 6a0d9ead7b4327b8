// Whether the agent serves, or the service that is named behind it at ESB_AGENT_ADDRESS, by gRPC's health protocol (grpc/grpc, doc/health-checking.md); its exit code tells.
// In plain HTTP/2, since this runs every few seconds and our gRPC library takes ten times as long to load.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { connect as connectSecure } from "node:tls";

const address = process.env.ESB_AGENT_ADDRESS || "127.0.0.1:50051";
const socket = address.startsWith("unix:")
  ? createConnection(address.replace(/^unix:(\/\/)?/, ""))
  : createConnection(Number(address.slice(address.lastIndexOf(":") + 1)), address.slice(0, address.lastIndexOf(":")));
const { ESB_AGENT_TLS: mode, ESB_AGENT_TLS_CERT: certificate } = process.env;
// The agent's own certificate is no client's; scripts/certificates.ts puts the operator's beside it.
const read = (name) => readFileSync(join(dirname(dirname(certificate)), "operator", name));
const secure = () =>
  connectSecure({
    socket,
    servername: "agent.esb.internal",
    ALPNProtocols: ["h2"],
    ca: read("ca.pem"),
    cert: read("cert.pem"),
    key: read("key.pem"),
  });
const createSession = certificate && mode !== "off" ? secure : () => socket;
const session = connect("http://agent", { createConnection: createSession });
const failed = (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
};
session.on("error", failed);

const stream = session
  .request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
  })
  .on("error", failed);
// Five bytes of framing (not compressed, the length), then the message: field 1, text.
const service = Buffer.from(process.argv[2] ?? "esb.agent.v1.AgentService");
stream.end(Buffer.from([0, 0, 0, 0, service.length + 2, 0x0a, service.length, ...service]));
const parts = [];
stream.on("data", (part) => parts.push(part));
await once(stream, "end");
session.close();
// Field 1 (status), a number: 1 is SERVING.
const answer = Buffer.concat(parts).subarray(5);
if (!answer.equals(Buffer.from([0x08, 0x01])))
  failed(new Error(`not serving: ${answer.toString("hex") || "no answer"}`));
