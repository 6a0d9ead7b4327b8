import { type Answer, type Harness, send } from "./harness.ts";

/** The Host of a function's URL. */
export const urlHost = (name: string, region = "us-east-1") => `${name}.lambda-url.${region}.localhost:8080`;

export interface UrlRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Asks a function's URL. */
export function askUrl(harness: Harness, name: string, request: UrlRequest = {}): Promise<Answer> {
  const { method = "GET", path = "/", headers = {}, body } = request;
  return send(`${harness.url}${path}`, method, { host: urlHost(name), ...headers }, body);
}
