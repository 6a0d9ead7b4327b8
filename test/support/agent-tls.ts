import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ClientTlsCredentials } from "../../common/agent-tls/client.ts";
import { openIdentity } from "../../common/agent-tls/identity.ts";

const root = join(import.meta.dirname, "../..");
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Settings of a process whose certificate is in the folder of its name. */
export function tlsSettings(folder: string, name: string): Record<string, string> {
  const role = name === "gateway" ? "gateway" : "agent";
  return {
    ESB_AGENT_TLS_CA: join(folder, role, "ca.pem"),
    ESB_AGENT_TLS_CERT: join(folder, role, "cert.pem"),
    ESB_AGENT_TLS_KEY: join(folder, role, "key.pem"),
  };
}

/** Calls the agent as its operator, with what the files say at the time of each connection. */
export async function operatorIdentity(folder: string) {
  const [authorities, certificate, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) =>
    join(folder, "operator", name),
  );
  const files = { authorities: authorities ?? "", certificate: certificate ?? "", key: key ?? "" };
  const identity = await openIdentity(files, { now: Date.now, logger: silent });
  return {
    credentials: new ClientTlsCredentials({ identity, host: "127.0.0.1", onTrouble: () => undefined }),
    [Symbol.dispose]: () => identity[Symbol.dispose](),
  };
}

/** scripts/certificates.ts, as a process. @returns what it told */
export async function makeCertificates(folder: string, ...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["scripts/certificates.ts", ...options, folder], {
    cwd: root,
  });
  return stdout;
}
