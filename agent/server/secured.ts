import type { Server } from "nice-grpc";
import { type IdentityContext, openIdentity } from "../../common/agent-tls/identity.ts";
import { type AgentTlsConfiguration, agentTlsFiles } from "../../common/agent-tls/mode.ts";
import { Seldom } from "../../common/agent-tls/seldom.ts";
import { listenWithTls } from "./tls.ts";

export interface Secured extends Disposable {
  /** Whether callers are met with TLS. */
  readonly tls: boolean;
  listen(server: Pick<Server, "listen">, address: string): Promise<number>;
}

/**
 * How the agent listens: with TLS, or in plaintext where only this machine comes in.
 * @throws ConfigurationError when the settings or the files are not right
 */
export async function openSecured(
  configuration: AgentTlsConfiguration,
  logger: IdentityContext["logger"],
): Promise<Secured> {
  const files = agentTlsFiles(configuration);
  if (files === undefined) {
    return { tls: false, listen: (server, address) => server.listen(address), [Symbol.dispose]: () => undefined };
  }
  const identity = await openIdentity(files, { now: Date.now, logger });
  const seldom = new Seldom(() => performance.now());
  const onRefused = (reason: string, address: string | undefined) => {
    const times = seldom.count(`${address} ${reason}`);
    if (times === undefined) return;
    const fields = { reason, address, times, certificate: files.certificate, authorities: files.authorities };
    logger.warn(fields, "a caller's connection is refused");
  };
  return {
    tls: true,
    listen: (server, address) =>
      listenWithTls({ identity, onRefused }, (credentials) => server.listen(address, credentials)),
    [Symbol.dispose]: () => identity[Symbol.dispose](),
  };
}
