import { constants } from "node:crypto";
import { tracingChannel } from "node:diagnostics_channel";
import { type SecureContextOptions, type TLSSocket, Server as TlsServer } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import { secureOptions, type TlsIdentity, type TlsMaterial } from "../../common/agent-tls/identity.ts";
import { tlsReason } from "../../common/agent-tls/reasons.ts";
import { callerRoles, hasRole } from "../../common/agent-tls/roles.ts";

/** A caller that says nothing keeps its connection no longer than this. */
const handshakeWithinMs = 10_000;

/** Without tickets each connection is a handshake of its own: a resumed one would not look at the certificate again. */
function contextOf(material: TlsMaterial): SecureContextOptions {
  return { ...secureOptions(material), secureOptions: constants.SSL_OP_NO_TICKET };
}

/** Credentials of the agent: who calls must show a certificate of our authorities, in TLS 1.3. */
class AgentTlsCredentials extends ServerCredentials {
  constructor(material: TlsMaterial) {
    super({ requestCert: true, rejectUnauthorized: true, handshakeTimeout: handshakeWithinMs }, contextOf(material));
  }

  /** For connections that come from now on. */
  renew(material: TlsMaterial): void {
    this.updateSecureContextOptions(contextOf(material));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

export interface ListenTlsOptions {
  readonly identity: Pick<TlsIdentity, "material" | "onChange">;
  /** Called for each caller that is refused; why, in words. */
  readonly onRefused: (reason: string, address: string | undefined) => void;
}

/**
 * Listens with TLS. That a caller's certificate is a client's OpenSSL sees by itself (RFC 5280, extended key usage); that
 * it is made for a caller of the agent is looked at here, for authorities that issue others, too.
 */
export async function listenWithTls<T>(
  { identity, onRefused }: ListenTlsOptions,
  listen: (credentials: ServerCredentials) => Promise<T>,
): Promise<T> {
  const credentials = new AgentTlsCredentials(identity.material);
  let guarded = false;
  const guard = (server: TlsServer) => {
    guarded = true;
    server.on("tlsClientError", (error: Error, socket: TLSSocket) =>
      onRefused(tlsReason(socket.authorizationError ?? error), socket.remoteAddress),
    );
    server.on("secureConnection", (socket: TLSSocket) => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined && hasRole(certificate, callerRoles)) return;
      onRefused(
        `its certificate (${certificate?.subject}) is for none of ${callerRoles.join(", ")}`,
        socket.remoteAddress,
      );
      socket.destroy();
    });
  };
  // gRPC does not hand out the server that it makes, which is the only one to hear of who was refused.
  const started = {
    asyncStart: (message: unknown) => {
      const { server } = message as { readonly server: unknown };
      if (server instanceof TlsServer) guard(server);
    },
  };
  const channel = tracingChannel("net.server.listen");
  channel.asyncStart.subscribe(started.asyncStart);
  try {
    const listening = await listen(credentials);
    if (!guarded) throw new Error("the server is not there to be guarded");
    identity.onChange((material) => credentials.renew(material));
    return listening;
  } finally {
    channel.asyncStart.unsubscribe(started.asyncStart);
  }
}
