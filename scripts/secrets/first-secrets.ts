import { generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { sha256 } from "../../gateway/auth/credentials/credentials.ts";
import { hashPassword } from "../../gateway/auth/passwords/hash.ts";
import { isThere, writeFileWhole } from "./files.ts";

const forOwner = 0o600;

/**
 * Makes the secrets of a new installation in a folder, unless they are there: `jwt-keys.json` (ESB_JWT_KEYS), `auth.yml`
 * (ESB_AUTH_FILE), and `credentials.env`, the same in plain text for the owner, who may delete it once they are noted.
 * @returns whether they were made now
 */
export async function makeFirstSecrets(folder: string): Promise<boolean> {
  if (await isThere(join(folder, "auth.yml"))) return false;
  const secret = () => randomBytes(24).toString("base64url");
  const apiKey = secret();
  const password = secret();
  const accessKey = { id: `ESB${randomBytes(8).toString("hex").toUpperCase()}`, secret: secret() };
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = [{ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig" }];
  const credentials = {
    apiKeys: [{ id: "first", sha256: sha256(apiKey) }],
    users: [{ username: "esb", password: await hashPassword(password) }],
    accessKeys: [accessKey],
  };
  const plain = [
    `ESB_API_KEY=${apiKey}`,
    "ESB_AUTH_USER=esb",
    `ESB_AUTH_PASSWORD=${password}`,
    `AWS_ACCESS_KEY_ID=${accessKey.id}`,
    `AWS_SECRET_ACCESS_KEY=${accessKey.secret}`,
  ];
  await writeFileWhole(join(folder, "jwt-keys.json"), JSON.stringify({ keys }), forOwner);
  await writeFileWhole(join(folder, "credentials.env"), plain.join("\n"), forOwner);
  // Last, since it says that all is there. JSON is YAML.
  await writeFileWhole(join(folder, "auth.yml"), JSON.stringify(credentials, undefined, 2), forOwner);
  return true;
}
