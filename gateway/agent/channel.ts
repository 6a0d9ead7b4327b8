import {
  type Channel,
  type ChannelCredentials,
  type ClientMiddleware,
  createChannel,
  createClientFactory,
  Metadata,
  waitForChannelReady,
} from "nice-grpc";
import { deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import { HealthDefinition } from "nice-grpc-server-health";
import { AgentServiceDefinition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentCallError, toAgentCallError } from "./errors.ts";

/** grpc.connectivityState.READY (a const enum, which type stripping cannot import). */
const ready = 2;
/** A client must hear of an absent agent within 100 ms, so a call waits no longer than this for a connection. */
const connectWithinMs = 80;

/** A connection to the agent, which may know why there is none. */
export type AgentChannel = Channel & { readonly whyNot?: () => string | undefined };

/** Connects to the agent, now and again whenever the connection breaks. @param credentials none: plaintext */
export function openChannel(address: string, credentials?: ChannelCredentials): Channel {
  return createChannel(address, credentials, {
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 250,
    // An agent's host that vanishes without a word is noticed by unanswered pings.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
  });
}

/** Clients of the contract and of the health service; every failure is an AgentCallError or an AbortError. */
export function createClients(channel: Channel) {
  const factory = createClientFactory().use(mappingErrors).use(deadlineMiddleware);
  return {
    agent: factory.create(AgentServiceDefinition, channel),
    health: factory.create(HealthDefinition, channel),
  };
}

export type AgentClients = ReturnType<typeof createClients>;
export type AgentClient = AgentClients["agent"];

/** @throws AgentCallError AGENT_UNAVAILABLE when there is no connection and none comes at once */
export async function whenConnected(channel: AgentChannel, withinMs = connectWithinMs): Promise<void> {
  if (isConnected(channel)) return;
  try {
    await waitForChannelReady(channel, new Date(Date.now() + withinMs));
  } catch (error) {
    const why = channel.whyNot?.();
    const message = why === undefined ? "the agent does not answer" : `no connection to the agent: ${why}`;
    throw new AgentCallError("AGENT_UNAVAILABLE", message, { cause: error });
  }
}

export function isConnected(channel: Channel): boolean {
  return Number(channel.getConnectivityState(true)) === ready;
}

const mappingErrors: ClientMiddleware = async function* mappingErrors(call, options) {
  let trailer = Metadata();
  const onTrailer = (received: Metadata) => {
    trailer = received;
    options.onTrailer?.(received);
  };
  try {
    return yield* call.next(call.request, { ...options, onTrailer });
  } catch (error) {
    throw toAgentCallError(error, trailer);
  }
};
