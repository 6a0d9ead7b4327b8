/** A function's answer as the client gets it. */
export interface ApiResponse {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them; with a Content-Length unless status or method have no body. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** An answer that is none: the client gets a 502, the reason is for the log. */
export interface MalformedResponse {
  readonly malformed: string;
}

export type MappedResponse = ApiResponse | MalformedResponse;
