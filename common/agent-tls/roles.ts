import type { X509Certificate } from "node:crypto";

/** Who has a certificate: the agent as a server, the others as its clients. */
export type Role = "agent" | "gateway" | "operator";

/** A name by which a certificate tells its role, below a domain that no one can have in public (ICANN on `.internal`). */
export function roleName(role: Role): string {
  return `${role}.esb.internal`;
}

/** Who may call the agent: a gateway, and whoever looks after the machine (health checks, imports, grpcurl). */
export const callerRoles: readonly string[] = [roleName("gateway"), roleName("operator")];

/** Whether a certificate is for one of the roles. */
export function hasRole(certificate: X509Certificate, names: readonly string[]): boolean {
  return names.some((name) => certificate.checkHost(name, { subject: "never", wildcards: false }) !== undefined);
}
