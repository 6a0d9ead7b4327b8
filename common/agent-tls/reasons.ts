/** Node's and OpenSSL's names for what can go wrong between two sides of TLS, in words; `it` is the other side. */
const reasons: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "it shows no certificate",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it wants a certificate of ours and got none",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; the clocks may differ",
  INVALID_PURPOSE: "its certificate is not made for its part: a server's for the agent, a client's for the others",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is of none of the authorities in ESB_AGENT_TLS_CA",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is of none of the authorities in ESB_AGENT_TLS_CA",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is of none of the authorities in ESB_AGENT_TLS_CA",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is of none of the authorities in ESB_AGENT_TLS_CA",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is of none of the authorities in ESB_AGENT_TLS_CA",
  CERT_SIGNATURE_FAILURE: "its certificate is of none of the authorities in ESB_AGENT_TLS_CA",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for other names than the host of ESB_AGENT_ADDRESS",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS",
  ERR_SSL_HTTP_REQUEST: "it does not speak TLS",
  ERR_SSL_UNEXPECTED_MESSAGE: "it does not speak TLS",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "it does not speak TLS 1.3",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "it does not speak TLS 1.3",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "it does not trust the authority of our certificate",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED": "it finds our certificate expired",
  "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE": "it refuses our certificate",
  "ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE": "it refuses our certificate",
};

/** What went wrong, with the code that a search finds. */
export function tlsReason(error: unknown): string {
  const code = typeof error === "string" ? error : (error as NodeJS.ErrnoException).code;
  const told = code === undefined ? undefined : reasons[code];
  if (told !== undefined) return `${told} (${code})`;
  return error instanceof Error ? error.message : String(error);
}
