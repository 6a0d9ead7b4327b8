interface WithBody {
  readonly body?: string | null | undefined;
  readonly isBase64Encoded: boolean;
}

/** An event as JSON in UTF-8. Base64 has nothing to escape, and is put in as it is: an upload may have megabytes of it. */
export function eventBytes(event: WithBody): Buffer {
  const { body } = event;
  if (!event.isBase64Encoded || typeof body !== "string") {
    return Buffer.from(JSON.stringify(event));
  }
  const head = Buffer.from(`${JSON.stringify({ ...event, body: undefined }).slice(0, -1)},"body":"`);
  const bytes = Buffer.allocUnsafe(head.length + body.length + 2);
  head.copy(bytes);
  bytes.write(body, head.length, "latin1");
  bytes.write('"}', head.length + body.length, "latin1");
  return bytes;
}
