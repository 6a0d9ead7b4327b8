import { Pool } from "undici";

/** What became of a batch; `refused`: it would be each time. */
export type SendResult = "taken" | "refused";

/** Sends lines of JSON, compressed. @throws (rejects) when they were not taken, for now */
export interface LogSender {
  send(body: Buffer, signal: AbortSignal): Promise<SendResult>;
  close(): Promise<void>;
}

const answerWithinMs = 10_000;
/** What says that a batch itself is wrong. Credentials and paths can be put right while lines wait. */
const refusals = new Set([400, 413, 422]);
/**
 * How lines are read: streams are by who prints, so that there are few of them
 * (docs.victoriametrics.com/victorialogs/data-ingestion/#json-stream-api, #http-parameters).
 */
const parameters = { _stream_fields: "component,function", _msg_field: "msg", _time_field: "time" };

/** Sends to a VictoriaLogs server. @param url its base; a user and a password in it are sent as Basic credentials */
export function victoriaLogsSender(url: URL): LogSender {
  const pool = new Pool(url.origin, {
    connections: 1,
    headersTimeout: answerWithinMs,
    bodyTimeout: answerWithinMs,
    connect: { timeout: answerWithinMs },
  });
  const path = `${basePath(url)}/insert/jsonline?${new URLSearchParams(parameters)}`;
  const headers = {
    "content-type": "application/stream+json",
    "content-encoding": "gzip",
    ...basicCredentials(url),
  };
  return {
    async send(body, signal) {
      const answer = await pool.request({ path, method: "POST", headers, body, signal });
      const text = await answer.body.text();
      if (answer.statusCode < 300) return "taken";
      if (refusals.has(answer.statusCode)) return "refused";
      throw new Error(`it answers ${answer.statusCode}: ${text.slice(0, 200)}`);
    },
    close: () => pool.destroy(),
  };
}

/** A URL's path without a slash at its end. */
export function basePath({ pathname }: URL): string {
  return pathname.replace(/\/+$/, "");
}

/** @returns no header for a URL without a user */
export function basicCredentials({ username, password }: URL): { readonly authorization?: string } {
  if (username === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString("base64")}` };
}
