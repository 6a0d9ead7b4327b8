import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isThere, writeFileWhole } from "./files.ts";

const readable = 0o644;

/**
 * Makes the credentials with which functions sign what they ask of S3, unless they are there: `credentials.env`
 * (ESB_SERVICE_CREDENTIALS), and the same as RustFS reads it, `access-key` and `secret-key`. Each service has a user of
 * its own, so everybody who has the folder mounted may read them.
 * @returns whether they were made now
 */
export async function makeServiceCredentials(folder: string): Promise<boolean> {
  const path = join(folder, "credentials.env");
  if (await isThere(path)) return false;
  const accessKey = `ESB${randomBytes(8).toString("hex").toUpperCase()}`;
  const secretKey = randomBytes(24).toString("base64url");
  await writeFileWhole(join(folder, "access-key"), accessKey, readable);
  await writeFileWhole(join(folder, "secret-key"), secretKey, readable);
  // Last, since it says that all is there.
  await writeFileWhole(path, `AWS_ACCESS_KEY_ID=${accessKey}\nAWS_SECRET_ACCESS_KEY=${secretKey}`, readable);
  return true;
}
