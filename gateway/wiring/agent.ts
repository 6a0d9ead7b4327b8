import { ClientTlsCredentials } from "../../common/agent-tls/client.ts";
import { openIdentity } from "../../common/agent-tls/identity.ts";
import { agentTlsFiles, type agentTlsSettings, hostOf } from "../../common/agent-tls/mode.ts";
import { Seldom } from "../../common/agent-tls/seldom.ts";
import type { Logger } from "../../common/logger.ts";
import type { SettingValues } from "../../common/settings.ts";
import { type AgentChannel, type AgentClients, createClients, openChannel } from "../agent/channel.ts";

export { agentTlsSettings as agentSettings } from "../../common/agent-tls/mode.ts";

/** An older reason may have passed: while the agent is away, a new connection is tried several times a second. */
const reasonHoldsMs = 2000;

/** The connection to the agent, which is made anew whenever it breaks, and its clients. */
export interface AgentLink extends Disposable {
  readonly channel: AgentChannel;
  readonly clients: AgentClients;
  /** For /ready: until when our certificate is valid, and why its files as they are now do not hold; nothing without TLS. */
  status(): object;
}

/** Begins to connect with the first call. @throws (rejects with) ConfigurationError when TLS is needed and cannot be */
export async function openAgent(
  configuration: SettingValues<(typeof agentTlsSettings)[number]>,
  logger: Logger,
): Promise<AgentLink> {
  const address = configuration.ESB_AGENT_ADDRESS;
  const files = agentTlsFiles(configuration);
  if (files === undefined) {
    const channel = openChannel(address);
    return { channel, clients: createClients(channel), status: () => ({}), [Symbol.dispose]: () => channel.close() };
  }
  const identity = await openIdentity(files, { now: Date.now, logger });
  const now = () => performance.now();
  const seldom = new Seldom(now);
  let trouble: { readonly reason: string; readonly atMs: number } | undefined;
  const onTrouble = (reason: string) => {
    trouble = { reason, atMs: now() };
    const times = seldom.count(reason);
    if (times === undefined) return;
    const fields = { reason, address, times, certificate: files.certificate, authorities: files.authorities };
    logger.warn(fields, "no TLS connection to the agent");
  };
  const credentials = new ClientTlsCredentials({ identity, host: hostOf(address), onTrouble });
  const whyNot = () => (trouble !== undefined && now() - trouble.atMs < reasonHoldsMs ? trouble.reason : undefined);
  const channel: AgentChannel = Object.assign(openChannel(address, credentials), { whyNot });
  return {
    channel,
    clients: createClients(channel),
    status: () => ({ agentTls: identity.status() }),
    [Symbol.dispose]() {
      channel.close();
      identity[Symbol.dispose]();
    },
  };
}
