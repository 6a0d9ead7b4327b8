import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, type TLSSocket } from "node:tls";
import { CallCredentials, ChannelCredentials, type experimental } from "@grpc/grpc-js";
import { secureOptions, type TlsIdentity, type TlsMaterial } from "./identity.ts";
import { tlsReason } from "./reasons.ts";

export interface ClientTlsOptions {
  readonly identity: Pick<TlsIdentity, "material" | "onChange">;
  /** The name or IP address that the agent's certificate must hold for. */
  readonly host: string;
  /** Called for each connection that fails once the agent's host has taken it; why, in words. */
  readonly onTrouble: (reason: string) => void;
}

const closedEarly =
  "it closed the connection right after the handshake; it may refuse our certificate, and its log tells why";

/**
 * Credentials of who calls the agent: its own certificate and no trust but in our authorities, TLS 1.3, with what the
 * files say at the time of each connection. gRPC's own cannot be changed later, or not be held to TLS 1.3.
 */
export class ClientTlsCredentials extends ChannelCredentials {
  readonly #options: ClientTlsOptions;
  #context;

  constructor(options: ClientTlsOptions) {
    super();
    this.#options = options;
    this.#context = createSecureContext(secureOptions(options.identity.material));
    options.identity.onChange((material: TlsMaterial) => {
      this.#context = createSecureContext(secureOptions(material));
    });
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials = CallCredentials.createEmpty(),
  ): experimental.SecureConnector {
    return {
      connect: async (socket) => ({ socket: await this.#connect(socket), secure: true }),
      waitForReady: async () => undefined,
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  async #connect(socket: Socket): Promise<TLSSocket> {
    const { host, onTrouble } = this.#options;
    const connected = Promise.withResolvers<TLSSocket>();
    const secure = connect({
      socket,
      host,
      secureContext: this.#context,
      ALPNProtocols: ["h2"],
      // RFC 6066 section 3: a server's name is never an address.
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    let agreed = false;
    let told = false;
    const fail = (reason: string, cause?: Error) => {
      // In TLS 1.3 the server looks at our certificate when the handshake is over for us.
      if (!told && secure.bytesRead === 0) onTrouble(reason);
      told = true;
      connected.reject(new Error(reason, { cause }));
    };
    secure.once("secureConnect", () => {
      agreed = true;
      connected.resolve(secure);
    });
    secure.on("error", (error: NodeJS.ErrnoException) =>
      fail(agreed && isCut(error) ? closedEarly : tlsReason(error), error),
    );
    secure.once("close", () => fail(closedEarly));
    return await connected.promise;
  }
}

/** What the end of a connection looks like when bytes of ours were still under way. */
function isCut({ code }: NodeJS.ErrnoException): boolean {
  return code === "ECONNRESET" || code === "EPIPE";
}
