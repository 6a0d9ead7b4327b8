// Whether the gateway answers; its exit code tells.
import { once } from "node:events";
import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";

const port = process.env.ESB_GATEWAY_PORT || "8080";
const secure = process.env.ESB_TLS === "on";
// Its certificate is for the names that clients know it by; here nobody else can be at the other end.
const options = { host: "127.0.0.1", port, path: "/health", rejectUnauthorized: false };
try {
  const [response] = await once((secure ? requestSecure : requestPlain)(options).end(), "response");
  response.resume();
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
