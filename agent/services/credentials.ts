import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { ConfigurationError } from "../../common/environment.ts";
import type { AccessKey } from "../oci/aws-variables.ts";

/**
 * Reads ESB_SERVICE_CREDENTIALS.
 * @throws ConfigurationError when the file cannot be read or lacks one of the two; it tells no value
 */
export async function readServiceCredentials(path: string): Promise<AccessKey> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new ConfigurationError(`ESB_SERVICE_CREDENTIALS: ${error.message}`);
  });
  const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = parseEnv(text);
  if (accessKeyId !== "" && secretAccessKey !== "") return { accessKeyId, secretAccessKey };
  throw new ConfigurationError(
    `ESB_SERVICE_CREDENTIALS: ${path} must have AWS_ACCESS_KEY_ID= and AWS_SECRET_ACCESS_KEY=, a line each`,
  );
}
