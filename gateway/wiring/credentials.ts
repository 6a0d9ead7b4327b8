import { ConfigurationError } from "../../common/environment.ts";
import { ReloadedFile } from "../../common/files/reloaded.ts";
import { watchFile } from "../../common/files/watch.ts";
import type { Logger } from "../../common/logger.ts";
import type { SettingValues } from "../../common/settings.ts";
import { type CredentialLists, Credentials, merge, noCredentials } from "../auth/credentials/credentials.ts";
import {
  environmentCredentials,
  refuseDevelopmentValues,
  withDevelopmentValues,
} from "../auth/credentials/environment.ts";
import { parseCredentials } from "../auth/credentials/file.ts";
import type { VariableLookup } from "../files/substitute.ts";

export const credentialSettings = [
  "ESB_AUTH_FILE",
  "ESB_API_KEY",
  "ESB_AUTH_USER",
  "ESB_AUTH_PASSWORD",
  "ESB_AWS_ACCESS_KEY_ID",
  "ESB_AWS_SECRET_ACCESS_KEY",
] as const;

/** As `/ready` shows them: how many, never which. */
export interface CredentialStatus {
  readonly credentials?: { readonly file: string; readonly count: number; readonly error?: string };
}

/** The credentials that hold now. */
export interface CurrentCredentials extends Disposable {
  readonly now: () => Credentials;
  readonly status: () => CredentialStatus;
  /** Calls back whenever others hold than before. */
  onChange(callback: () => void): void;
}

/** @throws (rejects with) ConfigurationError */
export async function openCredentials(
  configuration: SettingValues<(typeof credentialSettings)[number]>,
  development: boolean,
  lookup: VariableLookup,
  logger: Logger,
): Promise<CurrentCredentials> {
  const usable = (lists: CredentialLists) => {
    if (!development) refuseDevelopmentValues(lists);
    return lists;
  };
  const environment = usable(environmentCredentials(configuration));
  const together = (file: CredentialLists) => {
    const lists = merge(environment, file);
    return new Credentials(development ? withDevelopmentValues(lists) : lists);
  };
  let credentials = together(noCredentials);
  const path = configuration.ESB_AUTH_FILE;
  if (path === undefined) {
    return {
      now: () => credentials,
      status: () => ({}),
      onChange: () => undefined,
      [Symbol.dispose]: () => undefined,
    };
  }
  const listeners: (() => void)[] = [];
  const source = watchFile(path, () => void file.refresh());
  const file: ReloadedFile<CredentialLists> = new ReloadedFile<CredentialLists>(source, {
    path,
    parse: (text) => usable(parseCredentials(text, path, lookup)),
    onLoaded: (lists) => {
      credentials = together(lists);
      logger.info({ file: path, ...credentials.counts }, "credentials loaded");
      for (const tell of listeners) tell();
    },
    onError: (error) => logger.error({ file: path, error }, "credentials file refused, the last good one holds"),
  });
  try {
    await file.load();
  } catch (error) {
    source[Symbol.dispose]();
    throw error instanceof ConfigurationError ? new ConfigurationError(`ESB_AUTH_FILE: ${error.message}`) : error;
  }
  return {
    now: () => credentials,
    status() {
      const { apiKeys, users, accessKeys } = file.value;
      const count = apiKeys.length + users.length + accessKeys.length;
      const { error } = file;
      return { credentials: { file: path, count, ...(error === undefined ? {} : { error }) } };
    },
    onChange: (callback) => void listeners.push(callback),
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}
